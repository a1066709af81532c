import type { Route } from "../../routing/route.ts";
import { doctor } from "./doctor.tsx";

export const doctorRoutes: readonly Route[] = [doctor];
