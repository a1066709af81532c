import type { Route } from "../../routing/route.ts";
import { sources } from "./sources.tsx";

export const sourceRoutes: readonly Route[] = [sources];
