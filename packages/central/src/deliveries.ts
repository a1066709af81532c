import type { Pool } from "pg";

/** A message of one source and queue, by its whole identity. */
export interface DeliveredMessage {
  readonly msgId: string;
  /** ISO 8601 with microseconds, as PostgreSQL wrote it. */
  readonly enqueuedAt: string;
}

/** Which queue of which source messages came from. */
export interface Origin {
  readonly sourceId: string;
  readonly queue: string;
}

/** One failed attempt of a message, as a dead letter tells it. */
export interface RecordedAttempt {
  /** ISO 8601. */
  readonly at: string;
  /** The replica's id. */
  readonly consumer: string | null;
  readonly error: { readonly code: string; readonly message: string };
}

export interface RecordedDelivery {
  /** The message's effect is in the central store. */
  readonly merged: boolean;
  /** Oldest first. */
  readonly attempts: readonly RecordedAttempt[];
}

/**
 * What the central store knows of messages that were delivered before, in their order. For one that
 * comes `fromArchive`, a pruned ledger row counts, too.
 */
export async function lookUpDeliveries(
  central: Pool,
  { sourceId, queue }: Origin,
  messages: readonly (DeliveredMessage & { readonly fromArchive: boolean })[],
): Promise<readonly RecordedDelivery[]> {
  const { rows } = await central.query<RecordedDelivery & { ordinal: number }>(
    `select d.ordinal, d.merged, d.attempts
       from central.look_up_deliveries(p_source_id => $1, p_queue => $2, p_msg_ids => $3,
                                       p_enqueued_ats => $4, p_archived => $5) d`,
    [sourceId, queue, ...identities(messages), messages.map(({ fromArchive }) => fromArchive)],
  );
  // A lane that has never merged anything has no rows.
  const found = new Map(rows.map((row) => [row.ordinal, row]));
  return messages.map((_, index) => found.get(index + 1) ?? { merged: false, attempts: [] });
}

/** Those of the archived messages that the central store does not have, in their order. */
export async function findMissingMessages<Message extends DeliveredMessage>(
  central: Pool,
  { sourceId, queue }: Origin,
  messages: readonly Message[],
): Promise<readonly Message[]> {
  const { rows } = await central.query<{ ordinal: number }>(
    `select m.ordinal
       from central.find_missing_messages(p_source_id => $1, p_queue => $2, p_msg_ids => $3,
                                          p_enqueued_ats => $4) as m (ordinal)`,
    [sourceId, queue, ...identities(messages)],
  );
  return rows.flatMap(({ ordinal }) => messages[ordinal - 1] ?? []);
}

/** One failed attempt of a message that is not decided yet. Times in UTC with microseconds. */
export interface DeliveryFailure {
  /** Counts all failures of the store, in decimal digits. */
  readonly id: string;
  readonly source: string;
  readonly sourceId: string;
  readonly queue: string;
  readonly msgId: string;
  readonly enqueuedAt: string;
  /** Which attempt of this message it was, of those that are noted. */
  readonly attempt: number;
  /** The replica's id. */
  readonly consumer: string | null;
  readonly code: string;
  readonly error: string;
  readonly failedAt: string;
}

export interface FailureFilter {
  /** The name or the id of a source. */
  readonly source?: string;
  readonly queue?: string;
  /** Those before this id. */
  readonly before?: string;
  readonly limit: number;
}

/** Attempts that failed, newest first, of messages that have been neither merged nor dead-lettered since. */
export async function listDeliveryFailures(
  central: Pick<Pool, "query">,
  { source, queue, before, limit }: FailureFilter,
): Promise<readonly DeliveryFailure[]> {
  const instant = (column: string) =>
    `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
  const { rows } = await central.query<DeliveryFailure>(
    `select f.id::text as id, coalesce(s.name, l.source_id::text) as source, l.source_id::text as "sourceId", l.queue,
            f.msg_id::text as "msgId", ${instant("f.enqueued_at")} as "enqueuedAt",
            (select count(*)::integer from central.delivery_failures e
              where e.lane_id = f.lane_id and e.msg_id = f.msg_id and e.enqueued_at = f.enqueued_at
                and e.id <= f.id) as attempt,
            f.consumer_id::text as consumer, f.error_code as code, left(f.error_message, 2000) as error,
            ${instant("f.failed_at")} as "failedAt"
       from central.delivery_failures f
       join central.lanes l using (lane_id)
       left join central.sources s on s.source_id = l.source_id
      where ($1::text is null or $1 in (s.name, l.source_id::text))
        and ($2::text is null or l.queue = $2)
        and ($3::bigint is null or f.id < $3)
      order by f.id desc
      limit $4`,
    [source ?? null, queue ?? null, before ?? null, limit],
  );
  return rows;
}

/** Notes one failed attempt each; returns all attempts of each so far, in their order. */
export async function recordFailures(
  central: Pool,
  { sourceId, queue }: Origin,
  consumerId: string,
  failures: readonly {
    readonly message: DeliveredMessage;
    readonly code: string;
    readonly error: string;
  }[],
): Promise<readonly (readonly RecordedAttempt[])[]> {
  const { rows } = await central.query<{ attempts: readonly RecordedAttempt[] }>(
    `select f.attempts
       from central.record_failures(p_source_id => $1, p_queue => $2, p_msg_ids => $3, p_enqueued_ats => $4,
                                    p_consumer_id => $5, p_codes => $6, p_messages => $7) f
      order by f.ordinal`,
    [
      sourceId,
      queue,
      ...identities(failures.map(({ message }) => message)),
      consumerId,
      failures.map(({ code }) => code),
      failures.map(({ error }) => error),
    ],
  );
  return rows.map((row) => row.attempts);
}

/** The messages are decided, so their failures need not be kept. */
export async function forgetFailures(
  central: Pool,
  { sourceId, queue }: Origin,
  messages: readonly DeliveredMessage[],
): Promise<void> {
  await central.query(
    `select central.forget_failures(p_source_id => $1, p_queue => $2, p_msg_ids => $3, p_enqueued_ats => $4)`,
    [sourceId, queue, ...identities(messages)],
  );
}

/**
 * Deletes ledger rows older than `retentionHours` (at least 24) of messages below `belowMsgId`, which
 * have left their queue; a bounded number a call.
 *
 * @returns how many went; 0 when none was left that could go.
 */
export async function pruneLedger(
  central: Pool,
  { sourceId, queue }: Origin,
  belowMsgId: string,
  retentionHours: number,
): Promise<number> {
  const { rows } = await central.query<{ count: number }>(
    `select central.prune_ledger(p_source_id => $1, p_queue => $2, p_below_msg_id => $3,
                                 p_retention => make_interval(hours => $4)) as count`,
    [sourceId, queue, belowMsgId, retentionHours],
  );
  return rows[0]?.count ?? 0;
}

/**
 * Ids and times as literals of arrays, as PostgreSQL reads them: for arrays, the client would look at each
 * element for what to quote, which costs as much as all else that is done for a message here.
 */
export function identities(messages: readonly DeliveredMessage[]): [string, string] {
  const msgIds = messages.map(({ msgId }) => msgId);
  const enqueuedAts = messages.map(({ enqueuedAt }) => enqueuedAt);
  return [`{${msgIds.join(",")}}`, `{${enqueuedAts.join(",")}}`];
}
