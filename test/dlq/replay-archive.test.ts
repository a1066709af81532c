import {
  type ArchiveRange,
  countArchived,
  type ReplayArchiveOptions,
  replayArchive,
  SelectionError,
} from "@centralcloud/dead-letters";
import { afterEach, expect, test } from "vitest";
import { centralContent, emptyCentral } from "../support/central-content.ts";
import { archivedIn, drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { actionOn, emptyQueues, patterns, rowsOf, scopeOf } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
afterEach(async () => {
  await emptyQueues(system);
  await emptyCentral(system.central.pool);
});

async function replay(range: ArchiveRange = {}, changes: Partial<ReplayArchiveOptions> = {}) {
  return replayArchive(await scopeOf(system), range, { ...actionOn(system), ...changes });
}

/** Messages of all three queues, merged and archived. */
async function process(): Promise<number> {
  const queues = queuesOf(system);
  const bodies = Array.from({ length: 1200 }, (_, index) =>
    patternMessage({ agent_id: `agent-${index % 7}`, pattern: { n: index % 50 }, confidence: 0.1 }),
  );
  await queues.sendBatch(patterns, bodies);
  for (const step of [3, 1, 2]) {
    const at = `2025-10-25T10:00:0${step}Z`;
    const session = { agent_id: "a", session_id: "s", session_state: { step }, synced_at: at };
    await queues.send("agent-sessions", JSON.stringify(session));
    const summary = { agents_updated: step, total_patterns: 1, updated_at: at };
    await queues.send("agent-knowledge-updates", JSON.stringify(summary));
  }
  const { report } = await drainAll(system);
  return report.processed;
}

test("a central store that was lost is rebuilt from the archive, byte for byte", async () => {
  const processed = await process();
  const before = await centralContent(system.central.pool);
  await emptyCentral(system.central.pool);
  expect(await countArchived(await scopeOf(system), {})).toBe(processed);
  const report = await replay();
  expect(report).toMatchObject({ requeued: processed, taken: 0, unknownId: 0, aheadOfSequence: 0 });
  expect(await archivedIn(system, patterns)).toBe(0);
  const [first] = await rowsOf(system.singularity, `q_${patterns}`);
  expect(first?.headers).toEqual({
    replayed_from_archive: true,
    archive_action_id: Number(report.actionId),
  });
  const { report: drained } = await drainAll(system);
  expect(drained).toMatchObject({ processed, duplicates: 0, deadLettered: 0 });
  expect(await centralContent(system.central.pool)).toEqual(before);
  expect(await archivedIn(system, patterns)).toBe(1200);
});

test("a central store that is there is not changed: the ledger knows each message", async () => {
  const processed = await process();
  const before = await centralContent(system.central.pool);
  await replay();
  const { report } = await drainAll(system);
  expect(report).toMatchObject({ processed: 0, duplicates: processed, deadLettered: 0 });
  expect(await centralContent(system.central.pool)).toEqual(before);
  const { rows } = await system.central.pool.query(
    "select action, message_count, finished_at is not null as finished from central.operator_actions",
  );
  expect(rows).toEqual([{ action: "replay-archive", message_count: processed, finished: true }]);
});

test("it ends while what it brings back is archived again, and takes what the range says", async () => {
  await process();
  const { rows } = await system.singularity.pool.query(
    "select clock_timestamp()::text as between from pg_sleep(0.001)",
  );
  const queues = queuesOf(system);
  await queues.sendBatch(patterns, [patternMessage(), patternMessage()]);
  await drainAll(system);
  const between = { at: rows[0].between as string };
  await expect(replay({}, { all: false })).rejects.toThrow(SelectionError);
  expect(await replay({ from: between }, { all: false })).toMatchObject({ requeued: 2 });
  await drainAll(system);
  expect(await countArchived(await scopeOf(system), { from: between })).toBe(2);

  const interrupt = new AbortController();
  const scope = await scopeOf(system, [patterns]);
  const options = { ...actionOn(system), rate: 400, signal: interrupt.signal };
  const running = replayArchive(scope, { to: { secondsAgo: 0 } }, options);
  await until(
    "some are back",
    async () => (await rowsOf(system.singularity, `q_${patterns}`)).length > 0,
  );
  await drainAll(system);
  interrupt.abort();
  const first = await running;
  expect(first.interrupted).toBe(true);
  const to = { at: Object.values(first.to)[0] ?? "" };
  const second = await replayArchive(scope, { to }, actionOn(system));
  expect(first.requeued + second.requeued).toBe(1202);
});

test("a message under a negative id gets its own back where that is free, and others are left and counted", async () => {
  const queues = queuesOf(system);
  const id = Number(await queues.send(patterns, patternMessage()));
  await queues.purge(patterns);
  await queues.sendBatch(patterns, [patternMessage()]);
  await system.singularity.pool.query(
    `insert into pgmq."a_${patterns}" (msg_id, vt, message, headers, enqueued_at, archived_at) values
       (-1, now(), '1', jsonb_build_object('archived_msg_id', $1::bigint, 'kept', 1), '2025-01-01Z', now() - interval '3 s'),
       (-2, now(), '2', jsonb_build_object('archived_msg_id', $1::bigint), '2025-01-02Z', now() - interval '2 s'),
       (-3, now(), '3', '{"archived_msg_id": "x"}', '2025-01-02Z', now() - interval '1 s'),
       (-4, now(), '4', null, '2025-01-02Z', now()),
       ($1 + 1, now(), '5', '[]', '2025-01-02Z', now()),
       (987654321, now(), '6', '[]', '2025-01-02Z', now())`,
    [id],
  );
  const report = await replay();
  expect(report).toMatchObject({ requeued: 1, taken: 2, unknownId: 2, aheadOfSequence: 1 });
  const [back] = await rowsOf(system.singularity, `q_${patterns}`);
  expect(back).toMatchObject({
    msg_id: `${id}`,
    message: "1",
    headers: { kept: 1, replayed_from_archive: true },
  });
  expect(back?.headers).not.toHaveProperty("archived_msg_id");
  const { rows } = await system.singularity.pool.query(
    `select enqueued_at = '2025-01-01Z' as same, read_ct, vt <= clock_timestamp() as visible
       from pgmq."q_${patterns}" where msg_id = $1`,
    [id],
  );
  expect(rows).toEqual([{ same: true, read_ct: 0, visible: true }]);
});
