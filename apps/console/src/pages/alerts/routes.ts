import type { Route } from "../../routing/route.ts";
import { alert, alerts } from "./alerts.tsx";

export const alertRoutes: readonly Route[] = [alerts, alert];
