import type { QueueName } from "@centralcloud/contracts";
import type { Silence } from "@centralcloud/service";

/** From where an event is known. */
export type Where =
  | "queue"
  | "attempt"
  | "dead-letter"
  | "archive"
  | "ledger"
  | "store"
  | "change-log"
  | "action";

/** JSON as PostgreSQL wrote it: no number of it ever becomes one of JavaScript's. */
export type JsonText = string;

/** What a field was before a change and what it is since; null: there was none, or it is not known. */
export interface FieldChange {
  readonly field: string;
  readonly old: JsonText | null;
  readonly new: JsonText | null;
}

/** Something that is known to have happened. Ids are in decimal digits. */
export interface TraceEvent {
  /** By the clock of the database that tells it: UTC with microseconds. */
  readonly at: string;
  readonly where: Where;
  /** A sentence without contents of messages or rows. */
  readonly what: string;
  /** Null for what belongs to no source. */
  readonly source: string | null;
  readonly sourceId: string | null;
  readonly queue?: QueueName;
  /** The message's id in its queue, and when it was sent: together they tell it from others. */
  readonly msgId?: string;
  readonly enqueuedAt?: string;
  /** The ULID of its header. */
  readonly messageId?: string;
  /** The dead letter's own id. */
  readonly deadLetterId?: string;
  readonly agentId?: string;
  readonly sessionId?: string;
  /** Of a pattern: hexadecimal, as the store knows it. */
  readonly fingerprint?: string;
  /** Of an operator's action. */
  readonly actionId?: string;
  readonly error?: { readonly code: string | null; readonly message: string | null };
  /** Of the row that changed: its primary key. */
  readonly key?: JsonText;
  /** The row's table, as the change log calls it. */
  readonly table?: string;
  /** What was sent, or what the store has. */
  readonly content?: JsonText;
  readonly changes?: readonly FieldChange[];
}

/** A stretch of time of which something is not known; null: since ever, or until now. */
export interface Unknown {
  readonly from: string | null;
  readonly to: string | null;
  /** What is not known, and why; a sentence. */
  readonly why: string;
  /** Of which source; null: of none in particular. */
  readonly source: string | null;
}

export interface Trace {
  /** Oldest first. */
  readonly events: readonly TraceEvent[];
  readonly unknown: readonly Unknown[];
  readonly window: { readonly from: string | null; readonly to: string | null };
  readonly unreachable: readonly Silence[];
  readonly failed: readonly Silence[];
  /** Whether contents are shown. */
  readonly revealed: boolean;
}

/** What one database has told. */
export interface Told {
  readonly events: TraceEvent[];
  readonly unknown: Unknown[];
}
