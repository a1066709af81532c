import type { DeadLetterReason, QueueName } from "@centralcloud/contracts";
import type { Random } from "./random.ts";

/** What must become of a message. Each kind is certain of it. */
export type Outcome =
  | {
      readonly accepted: true;
      /** What the central store must hold of it, column by column, as PostgreSQL writes it. */
      readonly stored?: Readonly<Record<string, string | null>>;
    }
  | {
      readonly accepted: false;
      readonly reason: DeadLetterReason;
      /** Of the error, or of one of its issues. */
      readonly code?: string;
      /** Of one of its issues. */
      readonly path?: string;
    };

export interface Made {
  readonly queue: QueueName;
  /** JSON text, or null for SQL's. */
  readonly body: string | null;
  /** JSON text; undefined for none. */
  readonly headers?: string | undefined;
  readonly outcome: Outcome;
}

/** What a kind may draw from. */
export interface Ingredients {
  readonly random: Random;
  /** Different for each message. */
  readonly mark: number;
  /** The deepest nesting, in levels, that the source's jsonb reads. */
  readonly deepest: number;
  readonly maxMessageBytes: number;
  /** JSON texts of `sealed` objects that open, and what a key ring holds. */
  readonly seals: readonly string[];
}

export interface Kind {
  readonly name: string;
  /** How often it is made, compared with others; 1 unless it says otherwise. Large messages are rare. */
  readonly weight?: number;
  make(ingredients: Ingredients): Made;
}

export const accepted: Outcome = { accepted: true };

export function stored(columns: Readonly<Record<string, string | null>>): Outcome {
  return { accepted: true, stored: columns };
}

export function invalid(path?: string, code?: string): Outcome {
  return {
    accepted: false,
    reason: "invalid",
    ...(path === undefined ? {} : { path }),
    ...(code === undefined ? {} : { code }),
  };
}

export function unreadable(code: string): Outcome {
  return { accepted: false, reason: "unreadable", code };
}
