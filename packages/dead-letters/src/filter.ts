import { SelectionError } from "./errors.ts";
import type { TimeBound } from "./time-bound.ts";

/** Which dead letters are meant: those that meet every condition given; several values of one are alternatives. */
export interface DeadLetterFilter {
  /** Dead letter ids, in decimal digits. */
  readonly ids?: readonly string[];
  /** Ids that the original messages had in their queue, in decimal digits: what logs call `msgId`. */
  readonly messageIds?: readonly string[];
  readonly reasons?: readonly string[];
  /** Codes of the error, such as `out_of_range` or a SQLSTATE. */
  readonly codes?: readonly string[];
  /** What dead letters failed with, as groups name it; see sql/singularity/functions/dead_letter_fingerprint.sql. */
  readonly fingerprints?: readonly string[];
  /** Dead letters since then, that moment included. */
  readonly since?: TimeBound;
  /** Dead letters until then, that moment included. */
  readonly until?: TimeBound;
  /** What the original message's text contains, in whatever case. */
  readonly text?: string;
  /** A jsonpath that the original message meets: `$.confidence > 1` or `$.agents[*] ? (@.confidence > 1)`. */
  readonly path?: string;
}

/** A filter whose times are absolute. */
export interface ResolvedFilter extends Omit<DeadLetterFilter, "since" | "until"> {
  readonly since?: string;
  readonly until?: string;
  /** Only dead letters of transactions that had ended in this snapshot, as `pg_current_snapshot()` writes it. */
  readonly seenIn?: string;
  /** Whether the path is a predicate, rather than one that finds items. */
  readonly pathIsPredicate: boolean;
}

/** Whether the filter lets every dead letter pass. */
export function selectsAll(filter: DeadLetterFilter): boolean {
  return Object.values(filter).every((value) => value === undefined);
}

/** @throws {SelectionError} */
export function parseFingerprint(text: string): string {
  if (/^[0-9a-f]{16}$/.test(text)) return text;
  throw new SelectionError(
    `${JSON.stringify(text)} is not a fingerprint: 16 digits from 0 to f, as \`dlq groups\` shows them`,
  );
}

/**
 * An id as the database writes it: in decimal digits, without zeros before them.
 *
 * @throws {SelectionError}
 */
export function parseDeadLetterId(text: string): string {
  if (/^\d{1,19}$/.test(text)) {
    const id = BigInt(text);
    if (id <= 9_223_372_036_854_775_807n) return id.toString();
  }
  throw new SelectionError(`${JSON.stringify(text)} is not an id: a whole number`);
}
