import { beforeEach, expect, test } from "vitest";
import { archivedIn, drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";
const day = 24 * 3600;

beforeEach(async () => {
  await system.singularity.pool.query(
    `truncate pgmq."q_${queue}", pgmq."a_${queue}"; truncate pgmq."q_${queue}-dlq"`,
  );
  await system.central.pool.query(
    "truncate central.processed_messages, central.pruned_ranges, central.patterns, central.pattern_agents",
  );
});

async function sourceId(): Promise<string> {
  const { rows } = await system.singularity.pool.query("select source_id from singularity_source");
  return rows[0].source_id as string;
}

async function merge(count: number): Promise<void> {
  await queuesOf(system).sendBatch(
    queue,
    Array.from({ length: count }, () => patternMessage()),
  );
  await drainAll(system);
}

async function age(seconds: number): Promise<void> {
  await system.central.pool.query(
    "update central.processed_messages set processed_at = processed_at - make_interval(secs => $1)",
    [seconds],
  );
}

async function prune(): Promise<number> {
  const below = await queuesOf(system).lowestLiveId(queue);
  const { rows } = await system.central.pool.query(
    "select central.prune_ledger(p_source_id => $1, p_queue => $2, p_below_msg_id => $3) as count",
    [await sourceId(), queue, below],
  );
  return rows[0].count as number;
}

async function ledgerRows(): Promise<number> {
  const { rows } = await system.central.pool.query(
    "select count(*)::integer as count from central.processed_messages",
  );
  return rows[0].count as number;
}

test("what was merged less than a day ago is kept", async () => {
  await merge(10);
  await age(day - 60);
  expect(await prune()).toBe(0);
  expect(await ledgerRows()).toBe(10);
});

test("what is older goes, once the queue holds only later messages or none", async () => {
  await merge(10);
  await age(day + 60);
  expect(await prune()).toBe(10);
  expect(await ledgerRows()).toBe(0);
  expect(await prune()).toBe(0);
});

test("what lies above the lowest message in the queue is kept, however old", async () => {
  const early = await queuesOf(system).send(queue, patternMessage());
  await system.singularity.pool.query(
    `update pgmq."q_${queue}" set vt = now() + interval '1 hour' where msg_id = $1`,
    [early],
  );
  await queuesOf(system).sendBatch(queue, [patternMessage(), patternMessage()]);
  const { rows } = await system.singularity.pool.query(
    `select msg_id, enqueued_at from pgmq."q_${queue}" where msg_id > $1`,
    [early],
  );
  await system.central.pool.query(
    `insert into central.processed_messages (lane_id, msg_id, enqueued_at, processed_at)
     select central.lane_id($1, $2), m.id, m.at, now() - interval '2 days'
       from unnest($3::bigint[], $4::timestamptz[]) m (id, at)`,
    [await sourceId(), queue, rows.map((row) => row.msg_id), rows.map((row) => row.enqueued_at)],
  );
  expect(await prune()).toBe(0);
  expect(await ledgerRows()).toBe(2);
});

test("a retention of less than a day is refused", async () => {
  const call = system.central.pool.query(
    "select central.prune_ledger($1, $2, 1, p_retention => '23 hours')",
    [await sourceId(), queue],
  );
  await expect(call).rejects.toThrow("a ledger row must be kept for at least a day, not 23:00:00");
});

/** As `replay-archive` does it. */
async function sendArchiveAgain(): Promise<void> {
  await system.singularity.pool.query(
    `with gone as (delete from pgmq."a_${queue}" returning *)
     insert into pgmq."q_${queue}" (msg_id, enqueued_at, vt, message, headers) overriding system value
     select msg_id, enqueued_at, now(), message,
            coalesce(headers, '{}') || '{"replayed_from_archive": true}'
       from gone`,
  );
}

test("messages from the archive are duplicates also when their ledger rows were pruned", async () => {
  await merge(10);
  await age(2 * day);
  expect(await prune()).toBe(10);
  await sendArchiveAgain();
  const { report } = await drainAll(system);
  expect(report).toMatchObject({ processed: 0, duplicates: 10, deadLettered: 0 });
  expect(await archivedIn(system, queue)).toBe(10);
});

test("a store that was lost is rebuilt from the archive", async () => {
  await merge(10);
  await age(2 * day);
  await prune();
  await system.central.pool.query(
    "truncate central.patterns, central.pattern_agents, central.lanes cascade",
  );
  await sendArchiveAgain();
  const { report } = await drainAll(system);
  expect(report).toMatchObject({ processed: 10, duplicates: 0, deadLettered: 0 });
});

test("a new store that has pruned messages of its own still takes those that only the lost one had", async () => {
  await merge(10);
  await system.central.pool.query(
    "truncate central.processed_messages, central.patterns, central.pattern_agents, central.lanes cascade",
  );
  await merge(5);
  await age(2 * day);
  expect(await prune()).toBe(5);
  await sendArchiveAgain();
  const { report } = await drainAll(system);
  expect(report).toMatchObject({ processed: 10, duplicates: 5, deadLettered: 0 });
});

test("what was pruned is kept as ranges without gaps, which grow", async () => {
  await merge(4);
  const { rows: ids } = await system.singularity.pool.query<{ id: string }>(
    `select msg_id as id from pgmq."a_${queue}" order by msg_id`,
  );
  await system.central.pool.query("delete from central.processed_messages where msg_id = $1", [
    ids[1]?.id,
  ]);
  await age(2 * day);
  await prune();
  await merge(3);
  await age(2 * day);
  await prune();
  const { rows } = await system.central.pool.query(
    `select (last_msg_id - first_msg_id + 1)::integer as length from central.pruned_ranges
      where first_msg_id >= $1 order by first_msg_id`,
    [ids[0]?.id],
  );
  expect(rows).toEqual([{ length: 1 }, { length: 5 }]);
});

test("a message with the id of a pruned one is new: its queue was made anew", async () => {
  await merge(10);
  await age(2 * day);
  await prune();
  await system.singularity.pool.query(
    `truncate pgmq."q_${queue}", pgmq."a_${queue}" restart identity`,
  );
  await merge(3);
  expect(await ledgerRows()).toBe(3);
});

/** Ledger rows of messages that were merged long ago. */
async function remember(ids: readonly number[], enqueuedAt: string): Promise<void> {
  await system.central.pool.query(
    `insert into central.processed_messages (lane_id, msg_id, enqueued_at, processed_at)
     select central.lane_id($1, $2), m.id, $4, now() - interval '2 days' from unnest($3::bigint[]) m (id)`,
    [await sourceId(), queue, ids, enqueuedAt],
  );
}

async function pruneBelow(id: number): Promise<number> {
  const { rows } = await system.central.pool.query(
    "select central.prune_ledger($1, $2, $3) as count",
    [await sourceId(), queue, id],
  );
  return rows[0].count as number;
}

async function ranges(): Promise<string[]> {
  const { rows } = await system.central.pool.query<{ range: string }>(
    `select format('%s to %s', first_msg_id, last_msg_id) as range from central.pruned_ranges
      order by first_msg_id, first_enqueued_at`,
  );
  return rows.map(({ range }) => range);
}

test("the row of the lowest message that is in the queue is kept: it may be delivered once more", async () => {
  await system.central.pool.query("select central.register_source($1, 's')", [await sourceId()]);
  const id = Number(await queuesOf(system).send(queue, patternMessage()));
  const { rows } = await system.singularity.pool.query(
    `select enqueued_at::text as at from pgmq."q_${queue}"`,
  );
  await remember([id - 2, id - 1, id], rows[0].at);
  expect(await pruneBelow(id)).toBe(2);
  expect(await ledgerRows()).toBe(1);
  const { report } = await drainAll(system);
  expect(report).toMatchObject({ processed: 0, duplicates: 1 });
});

test.each([
  ["earlier than the range began", "2026-01-01 09:59:59.999Z"],
  ["more than an hour after it ended", "2026-01-01 11:00:00.001Z"],
])("a range is not lengthened by messages of a queue that was made anew: %s", async (_, anew) => {
  await system.central.pool.query("select central.register_source($1, 's')", [await sourceId()]);
  await remember([1, 2, 3], "2026-01-01 10:00Z");
  await pruneBelow(4);
  expect(await ranges()).toEqual(["1 to 3"]);
  await remember([4, 5], anew);
  await pruneBelow(6);
  expect(await ranges()).toEqual(["1 to 3", "4 to 5"]);
  const { rows } = await system.central.pool.query(
    `select m.id::integer, l.merged
       from (values (3, '2026-01-01 10:00Z'::timestamptz), (4, '2026-01-01 10:00Z'), (4, $3::timestamptz)) m (id, at)
      cross join lateral central.look_up_deliveries($1, $2, array[m.id::bigint], array[m.at], array[true]) l`,
    [await sourceId(), queue, anew],
  );
  // The fourth message of the queue as it was before has never been merged.
  expect(rows).toEqual([
    { id: 3, merged: true },
    { id: 4, merged: false },
    { id: 4, merged: true },
  ]);
});

test("a range is lengthened by what follows on it within the hour", async () => {
  await system.central.pool.query("select central.register_source($1, 's')", [await sourceId()]);
  await remember([1, 2, 3], "2026-01-01 10:00Z");
  await pruneBelow(4);
  await remember([4], "2026-01-01 11:00Z");
  await pruneBelow(6);
  expect(await ranges()).toEqual(["1 to 4"]);
  // And speaks for each of them, when it is sent again from the archive.
  const { rows } = await system.central.pool.query(
    `select m.id::integer, l.merged
       from (values (1, '2026-01-01 10:00Z'::timestamptz), (4, '2026-01-01 11:00Z'), (4, '2026-01-01 11:00:00.001Z')) m (id, at)
      cross join lateral central.look_up_deliveries($1, $2, array[m.id::bigint], array[m.at], array[true]) l`,
    [await sourceId(), queue],
  );
  expect(rows).toEqual([
    { id: 1, merged: true },
    { id: 4, merged: true },
    { id: 4, merged: false },
  ]);
});
