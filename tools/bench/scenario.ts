import type { Options } from "./options.ts";
import type { Server } from "./server.ts";
import type { Sizes } from "./sizes.ts";
import type { Stage } from "./stage.ts";
import type { Figures } from "./statistics.ts";

/** What a scenario works with. */
export interface Lab {
  readonly server: Server;
  readonly stage: Stage;
  readonly sizes: Sizes;
  readonly options: Options;
}

/** What is measured: a system, or ours under some condition. */
export interface Contender {
  readonly name: string;
  /** Its settings, and what it does, in words. */
  readonly detail: string;
  /** Makes what runs are cloned from; called once. */
  prepare?(): Promise<void>;
  /**
   * One run, from fresh databases to checked results.
   *
   * @throws {WrongResultError} when a message was lost or counted twice.
   */
  run(): Promise<Figures>;
}

/** What is expected of a figure, or of its ratio to another contender's in the same round. */
export interface Goal {
  readonly what: string;
  readonly contender: string;
  readonly figure: string;
  readonly versus?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** How a figure is shown. */
export interface Column {
  readonly figure: string;
  readonly heading: string;
  readonly digits?: number;
}

export interface Plan {
  readonly contenders: readonly Contender[];
  readonly goals: readonly Goal[];
  readonly columns: readonly Column[];
  /** The contender to which the others are compared in the table, by the first column's figure. */
  readonly baseline?: string;
  /** Rounds at most, for what takes long and varies little. */
  readonly mostRounds?: number;
  /** The contenders of a smoke test; undefined: all of them. */
  readonly quick?: readonly string[];
}

/** This server lacks what a figure is read from. The scenario is skipped, and nothing has failed. */
export class CannotMeasureError extends Error {
  readonly code = "cannot_measure";
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  plan(lab: Lab): Plan;
}
