import type { QueueName } from "@centralcloud/contracts";
import { deadLetterSql } from "@centralcloud/dead-letters";
import type { QueryResultRow } from "pg";
import type { CentralReader } from "./central-reader.ts";
import type { TraceEvent } from "./event.ts";
import {
  type Attempt,
  attemptEvent,
  attemptKey,
  type Identity,
  type Message,
  mergedEvent,
} from "./messages.ts";

/* What the ledger has of messages, and what it has no more. */

const { instant } = deadLetterSql;

/** Merges of one id that are told at most. */
const most = 200;

interface LedgerRow extends QueryResultRow {
  readonly ordinal: number;
  readonly processedAt: string | null;
  readonly isPruned: boolean;
  readonly failures: readonly (Attempt & { readonly at: string })[] | null;
}

/** What the ledger says of messages, and how those failed that are not decided yet. */
export async function readLedger(
  central: CentralReader,
  messages: readonly Message[],
  attempts: Set<string>,
): Promise<void> {
  const known = messages.filter(
    ({ msgId, enqueuedAt }) => /^\d{1,18}$/.test(msgId) && enqueuedAt !== "",
  );
  if (known.length === 0) return;
  const rows = await central.ask<LedgerRow>(
    `select i.ordinal::integer as ordinal, ${instant("p.processed_at")} as "processedAt",
            exists (select from central.pruned_ranges r
                     where r.lane_id = l.lane_id and i.msg_id between r.first_msg_id and r.last_msg_id
                       and i.enqueued_at between r.first_enqueued_at and r.last_enqueued_at) as "isPruned",
            (select jsonb_agg(jsonb_build_object(
                      'at', ${instant("f.failed_at")}, 'consumer', f.consumer_id, 'code', left(f.error_code, 200),
                      'error', left(f.error_message, 2000)) order by f.failed_at)
               from (select * from central.delivery_failures f
                      where f.lane_id = l.lane_id and f.msg_id = i.msg_id and f.enqueued_at = i.enqueued_at
                      order by f.failed_at desc limit 50) f) as failures
       from unnest($1::uuid[], $2::text[], $3::bigint[], $4::timestamptz[])
              with ordinality i (source_id, queue, msg_id, enqueued_at, ordinal)
       left join central.lanes l on l.source_id = i.source_id and l.queue = i.queue
       left join central.processed_messages p
         on p.lane_id = l.lane_id and p.msg_id = i.msg_id and p.enqueued_at = i.enqueued_at`,
    [
      known.map(({ sourceId }) => sourceId),
      known.map(({ queue }) => queue),
      known.map(({ msgId }) => msgId),
      known.map(({ enqueuedAt }) => enqueuedAt),
    ],
  );
  const pruned: Message[] = [];
  const missing: Message[] = [];
  for (const { ordinal, processedAt, isPruned, failures } of rows) {
    const message = known[ordinal - 1];
    if (message === undefined) continue;
    for (const failure of failures ?? []) {
      if (attempts.has(attemptKey(message, failure.at))) continue;
      central.events.push(attemptEvent(message, failure.at, failure));
    }
    if (processedAt !== null) central.events.push(mergedEvent(message, processedAt));
    // What is pruned has left its queue: the ranges say nothing of a message that waits, or was dead-lettered.
    else if (message.archivedAt === null || message.isSetAside) continue;
    else if (isPruned) pruned.push(message);
    else missing.push(message);
  }
  tellTogether(central, pruned, (isOne) =>
    isOne
      ? "was merged, and when is not known any more: its row of the ledger is pruned"
      : "were merged, and when is not known any more: their rows of the ledger are pruned",
  );
  tellTogether(
    central,
    missing,
    (isOne) =>
      `${isOne ? "is" : "are"} archived, and the ledger of this store does not have ${isOne ? "it" : "them"}: the store is a new one, was restored or lost something; see centralcloud doctor`,
  );
}

/** So many messages of a queue are told of one by one; more are counted. */
const mostByName = 3;

/** @param why said of one message, or of several. */
function tellTogether(
  central: CentralReader,
  messages: readonly Message[],
  why: (isOne: boolean) => string,
): void {
  const groups = new Map<string, Message[]>();
  for (const message of messages) {
    const key = `${message.sourceId} ${message.queue}`;
    groups.set(key, [...(groups.get(key) ?? []), message]);
  }
  for (const group of groups.values()) {
    const [{ source, queue }] = group as [Message];
    if (group.length <= mostByName) {
      for (const { msgId, enqueuedAt, archivedAt } of group) {
        central.tell(`message ${msgId} of ${queue} ${why(true)}`, enqueuedAt, archivedAt, source);
      }
      continue;
    }
    const times = group.flatMap(({ enqueuedAt, archivedAt }) => [
      enqueuedAt,
      archivedAt ?? enqueuedAt,
    ]);
    const [from = null] = times.sort();
    central.tell(`${group.length} messages of ${queue} ${why(false)}`, from, times.at(-1), source);
  }
}

interface KnownMerge extends QueryResultRow {
  readonly sourceId: string;
  readonly source: string;
  readonly at: string;
  readonly queue: QueueName;
  readonly enqueuedAt: string;
  readonly until: string | null;
}

/** Messages of an id that the ledger has, and that no source has any more. */
export async function readMerged(
  central: CentralReader,
  msgId: string,
  found: readonly Identity[],
): Promise<void> {
  const rows = await central.ask<KnownMerge>(
    `select o.source_id::text as "sourceId", o.name as source, l.queue, k.at, k."enqueuedAt", k.until
       from central.lanes l
       join central.sources o using (source_id)
      cross join lateral (
        select ${instant("p.processed_at")} as at, ${instant("p.enqueued_at")} as "enqueuedAt", null as until
          from central.processed_messages p
         where p.lane_id = l.lane_id and p.msg_id = $2
        union all
        select null, ${instant("r.first_enqueued_at")}, ${instant("r.last_enqueued_at")}
          from central.pruned_ranges r
         where r.lane_id = l.lane_id and $2 between r.first_msg_id and r.last_msg_id
      ) k
      where $1::uuid[] is null or o.source_id = any ($1::uuid[])
      order by 4
      limit ${most}`,
    [central.sourceIds, msgId],
  );
  const isFound = (row: KnownMerge) =>
    found.some(
      ({ sourceId, queue, enqueuedAt }) =>
        sourceId === row.sourceId &&
        queue === row.queue &&
        (row.until === null
          ? enqueuedAt === row.enqueuedAt
          : enqueuedAt >= row.enqueuedAt && enqueuedAt <= row.until),
    );
  for (const row of rows) {
    if (isFound(row)) continue;
    const { at, source, sourceId, queue, enqueuedAt, until } = row;
    const gone = `the source has it no more, in its queue, its archive or its dead letters`;
    if (until !== null) {
      const why = `a message ${msgId} of ${queue} was sent and merged, and when is not known any more: its row of the ledger is pruned, and ${gone}`;
      central.tell(why, enqueuedAt, null, source);
      continue;
    }
    const event: TraceEvent = {
      at,
      where: "ledger",
      what: "merged",
      source,
      sourceId,
      queue,
      msgId,
      enqueuedAt,
    };
    central.events.push(event);
    central.events.push({ ...event, at: enqueuedAt, what: `sent as message ${msgId}` });
    central.tell(
      `what message ${msgId} of ${queue} said is not known: ${gone}`,
      enqueuedAt,
      null,
      source,
    );
  }
}
