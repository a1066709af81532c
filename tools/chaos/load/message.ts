import type { QueueName } from "@centralcloud/contracts";

/** What must become of a message: merged, or dead-lettered for this reason. */
export type Outcome =
  | "merged"
  | "invalid"
  | "unreadable"
  | "too-large"
  | "rejected"
  | "failed"
  | "delivery-limit";

/** A message before it is sent. */
export interface Draft {
  readonly queue: QueueName;
  /** JSON text. */
  readonly body: string;
  readonly outcome: Outcome;
  /** What it does to the central store, as its queue's module says; undefined where it is never merged. */
  readonly effect: object | undefined;
}

/** A message of a run. It travels with its number in its headers, so that it is known wherever it ends. */
export interface LoadMessage extends Draft {
  readonly number: number;
  /** The source it is sent to, counted from 0. */
  readonly source: number;
}
