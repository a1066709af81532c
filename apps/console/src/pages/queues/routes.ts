import type { Route } from "../../routing/route.ts";
import { queue } from "./queue.tsx";
import { queues } from "./queues.tsx";

export const queueRoutes: readonly Route[] = [queues, queue];
