import type { Route } from "../../routing/route.ts";
import { capture } from "./capture.tsx";

export const captureRoutes: readonly Route[] = [capture];
