import type { Route } from "../../routing/route.ts";
import { pattern, revealPattern } from "./pattern.tsx";
import { patterns } from "./patterns.tsx";

export const patternRoutes: readonly Route[] = [patterns, pattern, revealPattern];
