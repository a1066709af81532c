import type { Route } from "../../routing/route.ts";
import { consumer } from "./consumer.tsx";
import { consumers } from "./consumers.tsx";

export const consumerRoutes: readonly Route[] = [consumers, consumer];
