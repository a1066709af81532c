import type { Options } from "../options.ts";
import type { ScenarioReport } from "../run-scenario.ts";
import type { Facts } from "../server.ts";

/** What `--json` writes: every figure of every run, and what they depend on. */
export interface Report {
  readonly measuredAt: string;
  readonly facts: Facts;
  readonly payload: string;
  readonly options: Pick<Options, "repeat" | "scale" | "quick">;
  readonly scenarios: readonly ScenarioReport[];
}
