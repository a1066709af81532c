import type { Route } from "../../routing/route.ts";
import { session } from "./session.tsx";
import { sessions } from "./sessions.tsx";

export const sessionRoutes: readonly Route[] = [sessions, session];
