import type { Route } from "../../routing/route.ts";
import { action } from "./action.tsx";
import { actions } from "./actions.tsx";
import { controls } from "./control.tsx";
import { newAction } from "./new.tsx";
import { startAction } from "./start.tsx";

export const actionRoutes: readonly Route[] = [
  actions,
  newAction,
  startAction,
  action,
  ...controls,
];
