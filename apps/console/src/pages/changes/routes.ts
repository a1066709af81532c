import type { Route } from "../../routing/route.ts";
import { changes, revealChanges } from "./changes.tsx";

export const changeRoutes: readonly Route[] = [changes, revealChanges];
