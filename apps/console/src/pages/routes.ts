import type { Route } from "../routing/route.ts";
import { accountRoutes } from "./account/routes.ts";
import { actionRoutes } from "./actions/routes.ts";
import { deadLetterRoutes } from "./dead-letters/routes.ts";
import { now } from "./now/now.tsx";
import { queueRoutes } from "./queues/routes.ts";
import { sourceRoutes } from "./sources/routes.ts";

/** Every page, form and file of the console. */
export const routes: readonly Route[] = [
  now,
  ...queueRoutes,
  ...deadLetterRoutes,
  ...actionRoutes,
  ...sourceRoutes,
  ...accountRoutes,
];
