import { createHash } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { isQueueName, type QueueName } from "@centralcloud/contracts";
import { conditionsOf, Values } from "./dead-letter-sql.ts";
import { DriftError, SelectionError } from "./errors.ts";
import type { DeadLetterFilter, ResolvedFilter } from "./filter.ts";
import type { Place } from "./place.ts";

/**
 * What a preview has seen, as a text that the run takes back: of each queue of each source its bounds, and which
 * transactions had ended by then. A dead letter that waits now is one of those that were seen if and only if its row is of
 * such a transaction: so what has left since is no matter, and what was not seen is told.
 */
export interface SeenSelection {
  readonly action: string;
  /** Of the filter, so that the digest of another one is refused. */
  readonly filter: string;
  readonly parts: readonly SeenPart[];
}

export interface SeenPart {
  readonly sourceId: string;
  readonly queue: QueueName;
  readonly since: string | null;
  readonly until: string;
  /** As `pg_current_snapshot()` writes it. */
  readonly snapshot: string;
  readonly deadLetters: number;
}

const prefix = "v1.";

export function encodeDigest(seen: SeenSelection): string {
  const parts = seen.parts.map(({ sourceId, queue, since, until, snapshot, deadLetters }) => {
    return [sourceId, queue, since, until, snapshot, deadLetters];
  });
  const json = JSON.stringify([seen.action, seen.filter, parts]);
  return `${prefix}${deflateRawSync(json).toString("base64url")}`;
}

/** A digest that was typed by hand, or cut off when it was copied, is refused. @throws {SelectionError} */
export function decodeDigest(text: string): SeenSelection {
  try {
    if (!text.startsWith(prefix)) throw new Error("another form");
    const packed = Buffer.from(text.slice(prefix.length), "base64url");
    const json = inflateRawSync(packed, { maxOutputLength: 1024 * 1024 }).toString("utf8");
    const [action, filter, parts] = JSON.parse(json) as [string, string, unknown[][]];
    return { action, filter, parts: parts.map(partOf) };
  } catch {
    throw new SelectionError("the digest is not one that a preview (--dry-run) has given");
  }
}

function partOf(values: readonly unknown[]): SeenPart {
  const [sourceId, queue, since, until, snapshot, deadLetters] = values;
  const isPart =
    typeof sourceId === "string" &&
    typeof queue === "string" &&
    isQueueName(queue) &&
    (since === null || typeof since === "string") &&
    typeof until === "string" &&
    typeof snapshot === "string" &&
    /^\d+:\d+:[\d,]*$/.test(snapshot) &&
    typeof deadLetters === "number";
  if (!isPart) throw new Error("another form");
  return { sourceId, queue, since, until, snapshot, deadLetters };
}

/** The same for the same filter, in whatever order it was given. */
export function filterDigest(filter: DeadLetterFilter): string {
  const entries = Object.entries(filter).filter(([, value]) => value !== undefined);
  const sorted = entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(sorted)).digest("base64url").slice(0, 22);
}

/** Dead letters of transactions that were about to end when a preview looked: they came later, and are left alone. */
const lateS = 1;

/**
 * Binds what is planned to what was seen: the bounds are those of the preview, and only dead letters that it has seen are
 * moved.
 *
 * @throws {DriftError} where others are within its bounds. {@link SelectionError}
 */
export async function bindToSeen(
  place: Place,
  selection: ResolvedFilter,
  seen: SeenSelection,
): Promise<ResolvedFilter> {
  const { sourceId, name } = place.source;
  const part = seen.parts.find((one) => one.sourceId === sourceId && one.queue === place.queue);
  if (part === undefined) {
    throw new DriftError(`the preview did not look at ${place.queue} of ${name}`);
  }
  const { since, until, snapshot } = part;
  const bound = { ...selection, ...(since === null ? {} : { since }), until };
  const values = new Values();
  const { rows } = await place.source.pool.query<{ unseen: number }>(
    `select count(*)::double precision as unseen
       from ${place.tables.deadLetters} d
      where ${conditionsOf(bound, values, place.queue)}
        and not ${conditionsOf({ seenIn: snapshot, pathIsPredicate: false }, values, place.queue)}
        and d.enqueued_at <= ${values.add(until)}::timestamptz - interval '${lateS} s'`,
    values.all,
  );
  const { unseen = 0 } = rows[0] ?? {};
  if (unseen > 0) {
    throw new DriftError(
      `${unseen} dead letters of ${place.queue} of ${name} are in the selection now that the preview has not seen`,
    );
  }
  return { ...bound, seenIn: snapshot };
}
