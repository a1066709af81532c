import type { Route } from "../../routing/route.ts";
import { trends } from "./trends.tsx";

export const trendRoutes: readonly Route[] = [trends];
