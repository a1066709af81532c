import { hasMessageId, messageId, shownCode, shownReason } from "../dead-letter-sql.ts";
import type { Place } from "../place.ts";

/** What became of the messages that a replay has sent. */
export interface Outcome {
  readonly sent: number;
  /** In the archive of their queue, which holds successes only. */
  readonly merged: number;
  /** In their queue. */
  readonly waiting: number;
  /** In the dead-letter queue again, or were, whatever was done to them there. */
  readonly deadLettered: number;
  /** Nowhere any more: archives are kept for a while only. */
  readonly unknown: number;
  /** What they failed with again, the commonest first. */
  readonly again: readonly DeathAgain[];
}

export interface DeathAgain {
  readonly reason: string | null;
  readonly code: string | null;
  readonly count: number;
}

/** What an action has sent to one queue: by the clock of the source, nothing of it is older than its start. */
export interface SentPart {
  readonly place: Place;
  readonly actionId: string;
  readonly startedAt: string;
  /** And nothing was sent after its end; null: it has not ended. */
  readonly endedAt?: string | null;
}

/** How many reasons are told one by one. */
const maxReasons = 20;

/** Looks each message up where it may be: in its queue, among dead letters, in the archive. Changes and locks nothing. */
export async function readOutcome({
  place,
  actionId,
  startedAt,
  endedAt,
}: SentPart): Promise<Outcome> {
  const { tables, source } = place;
  const death = (table: string) => `
    select ${messageId} as sent_as, ${shownReason} as reason,
           ${shownCode} as code
      from ${table} d
     where d.enqueued_at >= $2::timestamptz and ${hasMessageId}`;
  const { rows } = await source.pool.query<
    { outcome: MessageOutcome; count: number } & Omit<DeathAgain, "count">
  >(
    `with sent as materialized (
       select (d.headers ->> 'new_msg_id')::bigint as id
         from ${tables.deadLetterArchive} d
        where d.archived_at >= $2::timestamptz
          and ($3::timestamptz is null or d.archived_at <= $3::timestamptz)
          and d.headers ->> 'action_id' = $1
          and d.headers ->> 'action' = 'replay'
          and d.headers ->> 'new_msg_id' ~ '^\\d{1,18}$'
     ), death as materialized (
       select distinct on (f.sent_as) f.*
         from (${death(tables.deadLetters)} union all ${death(tables.deadLetterArchive)}) f
        order by f.sent_as
     ), outcome as (
       select case when exists (select from ${tables.queue} q where q.msg_id = s.id) then 'waiting'
                   when f.sent_as is not null then 'deadLettered'
                   when exists (select from ${tables.archive} a
                                 where a.msg_id = s.id and a.archived_at >= $2::timestamptz) then 'merged'
                   else 'unknown' end as outcome,
              f.reason, f.code
         from sent s
         left join death f on f.sent_as = s.id::text
     )
     select outcome, case when outcome = 'deadLettered' then reason end as reason,
            case when outcome = 'deadLettered' then code end as code, count(*)::double precision as count
       from outcome
      group by 1, 2, 3
      order by 4 desc`,
    [actionId, startedAt, endedAt ?? null],
  );
  return sumOutcomes(rows);
}

/** What an archive replay has put back into one queue: its own figure there. */
export interface PutBackPart extends SentPart {
  readonly moved: number;
}

/**
 * The same of an archive replay, whose messages keep their ids: each has the action's id in a header, in its queue, in the
 * archive and around its dead letter. What is in the archive again was merged, or was known as merged. Those that a later
 * archive replay has put back once more have that one's id, and are not known to this one.
 */
export async function readPutBack({
  place,
  actionId,
  startedAt,
  moved,
}: PutBackPart): Promise<Outcome> {
  const { tables, source } = place;
  // What was sent again for a dead letter of these is another message.
  const isOurs = (headers: string) =>
    `${headers} ->> 'archive_action_id' = $1 and not ${headers} ? 'replay_of'`;
  const death = (table: string) => `
    select 'deadLettered' as outcome, ${shownReason} as reason, ${shownCode} as code
      from ${table} d
     where d.enqueued_at >= $2::timestamptz and ${isOurs("(d.message -> 'original_headers')")}`;
  const { rows } = await source.pool.query<
    { outcome: MessageOutcome; count: number } & Omit<DeathAgain, "count">
  >(
    `select f.outcome, f.reason, f.code, count(*)::double precision as count
       from (select 'waiting' as outcome, null as reason, null as code
               from ${tables.queue} q where ${isOurs("q.headers")}
             union all
             select 'merged', null, null
               from ${tables.archive} a where a.archived_at >= $2::timestamptz and ${isOurs("a.headers")}
             union all ${death(tables.deadLetters)}
             union all ${death(tables.deadLetterArchive)}) f
      group by 1, 2, 3
      order by 4 desc`,
    [actionId, startedAt],
  );
  const outcome = sumOutcomes(rows);
  return { ...outcome, sent: moved, unknown: Math.max(0, moved - outcome.sent) };
}

function sumOutcomes(
  rows: readonly ({ outcome: MessageOutcome; count: number } & Omit<DeathAgain, "count">)[],
): Outcome {
  const counts = { merged: 0, waiting: 0, deadLettered: 0, unknown: 0 };
  const again: DeathAgain[] = [];
  for (const { outcome, reason: why, code, count } of rows) {
    counts[outcome] += count;
    if (outcome === "deadLettered") again.push({ reason: why, code, count });
  }
  const sent = rows.reduce((all, { count }) => all + count, 0);
  return addOutcomes([{ ...counts, sent, again }]);
}

type MessageOutcome = "merged" | "waiting" | "deadLettered" | "unknown";

/** What became of all that several parts have sent. */
export function addOutcomes(outcomes: readonly Outcome[]): Outcome {
  const total = { sent: 0, merged: 0, waiting: 0, deadLettered: 0, unknown: 0 };
  const again = new Map<string, DeathAgain>();
  for (const outcome of outcomes) {
    for (const name of ["sent", "merged", "waiting", "deadLettered", "unknown"] as const) {
      total[name] += outcome[name];
    }
    for (const death of outcome.again) {
      const key = JSON.stringify([death.reason, death.code]);
      const count = (again.get(key)?.count ?? 0) + death.count;
      again.set(key, { ...death, count });
    }
  }
  const commonest = [...again.values()].sort((one, other) => other.count - one.count);
  return { ...total, again: commonest.slice(0, maxReasons) };
}
