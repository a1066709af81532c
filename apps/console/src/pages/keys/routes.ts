import type { Route } from "../../routing/route.ts";
import { keys } from "./keys.tsx";

export const keyRoutes: readonly Route[] = [keys];
