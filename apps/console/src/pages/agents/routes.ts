import type { Route } from "../../routing/route.ts";
import { agent, revealAgent } from "./agent.tsx";
import { agents } from "./agents.tsx";

export const agentRoutes: readonly Route[] = [agents, agent, revealAgent];
