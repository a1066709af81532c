import type { Route } from "../../routing/route.ts";
import { help } from "./help.tsx";
import { me } from "./me.tsx";

export const accountRoutes: readonly Route[] = [me, help];
