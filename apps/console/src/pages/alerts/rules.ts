import { readFileSync } from "node:fs";

/** An alert of deploy/observability/prometheus-rules.yaml, with what the docs say of it. */
export interface AlertRule {
  readonly name: string;
  readonly group: string;
  readonly severity: string;
  readonly summary: string;
  readonly description: string;
  /** PromQL. */
  readonly expression: string;
  /** For how long that has to hold; undefined: it fires at once. */
  readonly for?: string;
  /** Markdown. */
  readonly runbook: string;
}

/**
 * In the image there are neither rules nor docs, so both are in an asset that `pnpm generate` writes and a check compares:
 * see generate-alerts.mjs.
 */
export const alertRules: readonly AlertRule[] = JSON.parse(
  readFileSync(new URL("../../../assets/alerts.json", import.meta.url), "utf8"),
);
