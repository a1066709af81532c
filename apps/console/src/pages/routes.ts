import type { Route } from "../routing/route.ts";
import { accountRoutes } from "./account/routes.ts";
import { actionRoutes } from "./actions/routes.ts";
import { agentRoutes } from "./agents/routes.ts";
import { alertRoutes } from "./alerts/routes.ts";
import { captureRoutes } from "./capture/routes.ts";
import { changeRoutes } from "./changes/routes.ts";
import { consumerRoutes } from "./consumers/routes.ts";
import { deadLetterRoutes } from "./dead-letters/routes.ts";
import { doctorRoutes } from "./doctor/routes.ts";
import { jobRoutes } from "./jobs/routes.ts";
import { keyRoutes } from "./keys/routes.ts";
import { messageRoutes } from "./messages/routes.ts";
import { now } from "./now/now.tsx";
import { patternRoutes } from "./patterns/routes.ts";
import { queueRoutes } from "./queues/routes.ts";
import { sessionRoutes } from "./sessions/routes.ts";
import { sourceRoutes } from "./sources/routes.ts";
import { trendRoutes } from "./trends/routes.ts";

/** Every page, form and file of the console. */
export const routes: readonly Route[] = [
  now,
  ...queueRoutes,
  ...trendRoutes,
  ...patternRoutes,
  ...agentRoutes,
  ...sessionRoutes,
  ...messageRoutes,
  ...doctorRoutes,
  ...consumerRoutes,
  ...jobRoutes,
  ...alertRoutes,
  ...captureRoutes,
  ...changeRoutes,
  ...keyRoutes,
  ...deadLetterRoutes,
  ...actionRoutes,
  ...sourceRoutes,
  ...accountRoutes,
];
