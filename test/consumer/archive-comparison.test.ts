import { randomUUID } from "node:crypto";
import { type ArchiveCheck, confirmEpoch } from "@centralcloud/central";
import {
  archiveComparisons,
  type ComparisonTimeouts,
  concludeComparison,
  planComparison,
} from "@centralcloud/consumer";
import { beforeEach, describe, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { examine } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";
import type { Observation } from "../support/observations.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";
const queues = [queue];
const timeouts: ComparisonTimeouts = { leaseMs: 30_000, statementMs: 30_000 };

describe("planComparison", () => {
  const check: ArchiveCheck = {
    sourceId: randomUUID(),
    queue,
    epochId: 1,
    from: "2026-01-01T12:00:00Z",
    until: null,
    isCompared: false,
    missing: undefined,
    problem: null,
  };
  const compared = { ...check, until: "2026-01-01T12:00:40.000Z", isCompared: true };
  const missing = { since: "2026-01-01T12:00:05.000Z", count: 3, isAtLeast: false };

  test("compares at once up to now, and plans to compare what is archived within a lease from now", () => {
    const plan = planComparison(check, "2026-01-01T12:00:10.000Z", timeouts);
    expect(plan).toEqual({
      from: check.from,
      to: "2026-01-01T12:00:10.000Z",
      until: "2026-01-01T12:00:40.000Z",
      isLast: false,
      problem: null,
    });
  });

  test("waits while nothing is missing until no statement can be under way any more", () => {
    const plan = planComparison(compared, "2026-01-01T12:01:00.000Z", timeouts);
    expect(plan).toEqual({ dueInMs: 10_000 });
  });

  test("then compares a last time, and is over where nothing is missing", () => {
    const plan = planComparison(compared, "2026-01-01T12:01:10.000Z", timeouts);
    if ("dueInMs" in plan) throw new Error("it is due");
    expect(plan).toMatchObject({ isLast: true, from: check.from, to: compared.until });
    const found = { missing: undefined, unknownIds: 0 };
    expect(concludeComparison(plan, found)).toMatchObject({ from: null, missing: undefined });
    expect(concludeComparison(plan, { ...found, missing })).toMatchObject({
      from: missing.since,
      missing,
    });
  });

  test("looks again and again as long as something is missing, and is not over before the last time", () => {
    const plan = planComparison({ ...compared, missing }, "2026-01-01T12:00:50.000Z", timeouts);
    if ("dueInMs" in plan) throw new Error("it is due");
    expect(plan.isLast).toBe(false);
    const result = concludeComparison(plan, { missing: undefined, unknownIds: 0 });
    expect(result).toMatchObject({ from: check.from, missing: undefined });
  });

  test("what could never be compared is not over at its first comparison, however late that is", () => {
    const late = { ...check, until: "2026-01-01T12:00:40.000Z" };
    expect(planComparison(late, "2026-01-01T18:00:00.000Z", timeouts)).toMatchObject({
      isLast: false,
      to: late.until,
    });
  });

  test("a source whose clock was set back is compared from an hour before, and that is said", () => {
    const plan = planComparison(check, "2026-01-01T11:00:00.000Z", timeouts);
    expect(plan).toMatchObject({
      from: "2026-01-01T10:00:00.000Z",
      problem: expect.stringContaining("clock was set back"),
    });
  });

  test("messages that do not say which id was theirs are told", () => {
    const plan = planComparison(check, "2026-01-01T12:00:10.000Z", timeouts);
    if ("dueInMs" in plan) throw new Error("it is due");
    expect(concludeComparison(plan, { missing: undefined, unknownIds: 2 }).problem).toMatch(
      /^2 archived messages do not say/,
    );
  });
});

describe("comparing", () => {
  let sourceId: string;
  let observations: Observation[];

  beforeEach(async () => {
    observations = [];
    const { rows } = await system.singularity.pool.query(
      "select source_id as id from singularity_source",
    );
    sourceId = rows[0].id;
    await system.singularity.pool.query(
      `truncate pgmq."a_${queue}"; update singularity_source set copied_until = null`,
    );
    await system.central.pool.query(
      "truncate central.processed_messages, central.pruned_ranges, central.archive_checks",
    );
  });

  /** Archives messages with these ids, one a second from 10:00, and merges those of them that `merged` names. */
  async function archive(ids: readonly number[], merged: readonly number[] = []): Promise<void> {
    await system.singularity.pool.query(
      `insert into pgmq."a_${queue}" (msg_id, enqueued_at, archived_at, vt, message)
       select i, '2026-01-01T09:00:00Z'::timestamptz + i * interval '1 second',
              '2026-01-01T10:00:00Z'::timestamptz + i * interval '1 second', now(), '{}'
         from unnest($1::bigint[]) i`,
      [ids],
    );
    await merge(merged);
  }

  async function merge(ids: readonly number[]): Promise<void> {
    await system.central.pool.query(
      `insert into central.processed_messages (lane_id, msg_id, enqueued_at)
       select central.lane_id($1, $2), i, '2026-01-01T09:00:00Z'::timestamptz + i * interval '1 second'
         from unnest($3::bigint[]) i on conflict do nothing`,
      [sourceId, queue, ids],
    );
  }

  async function ask(from = "2026-01-01T00:00:00Z", until: string | null = null): Promise<void> {
    await system.central.pool.query(
      `insert into central.archive_checks (source_id, queue, epoch_id, from_at, until_at) values ($1, $2, 1, $3, $4)`,
      [sourceId, queue, from, until],
    );
  }

  async function compare(
    consumerId = randomUUID(),
    connection: Pick<typeof system.singularity.pool, "query"> = system.singularity.pool,
  ): Promise<void> {
    const { pool } = system.central;
    const { rows } = await pool.query(
      `select source_id as "sourceId", queue, epoch_id::integer as "epochId" from central.archive_checks where from_at is not null`,
    );
    const task = archiveComparisons({
      central: pool,
      consumerId,
      timeouts,
      checks: () => rows,
      sourceOf: () => ({ sourceId, name: "the source", connection: connection as never }),
      isAway: () => false,
      onResult() {},
      observe: (observation) => void observations.push(observation),
    });
    await task.run(new AbortController().signal);
  }

  async function stored() {
    const { rows } = await system.central.pool.query(
      `select to_char(missing_since at time zone 'UTC', 'HH24:MI:SS') as since, missing_count as count, is_at_least as least,
              problem, compared_at is not null as compared from central.archive_checks`,
    );
    return rows[0];
  }

  test("what is archived and not in the ledger is counted, since the oldest of it", async () => {
    await archive([1, 2, 3, 4, 5], [1, 2, 4]);
    await ask();
    await compare();
    expect(await stored()).toEqual({
      since: "10:00:03",
      count: 2,
      least: false,
      problem: null,
      compared: true,
    });
    expect(observations).toEqual([
      expect.objectContaining({ event: "messages-missing", queue, sourceId, count: 2 }),
    ]);
    await merge([3, 5]);
    await system.central.pool.query("update central.archive_checks set runner = null");
    await compare();
    expect(await stored()).toMatchObject({ since: null, count: 0 });
    expect(observations.at(-1)).toMatchObject({ event: "messages-restored", queue });
  });

  test("what was archived before, or is younger than what is asked, is not looked at", async () => {
    await archive([1, 2, 3]);
    await ask("2026-01-01T10:00:02Z", "2026-01-01T10:00:02Z");
    await compare();
    expect(await stored()).toMatchObject({ since: "10:00:02", count: 1 });
  });

  test("what was pruned from the ledger is not missing, and the same id of another time is", async () => {
    await archive([1, 2, 3]);
    await system.central.pool.query(
      `insert into central.pruned_ranges (lane_id, first_msg_id, last_msg_id, first_enqueued_at, last_enqueued_at)
       values (central.lane_id($1, $2), 1, 3, '2026-01-01T09:00:00Z', '2026-01-01T09:00:02Z')`,
      [sourceId, queue],
    );
    await ask();
    await compare();
    expect(await stored()).toMatchObject({ since: "10:00:03", count: 1 });
  });

  test("of a copy, what came with it is not missing; nor is what somebody has set aside", async () => {
    await archive([1, 2, 3, 4], []);
    await system.singularity.pool.query(
      `update singularity_source set copied_until = '2026-01-01T10:00:02Z';
       update pgmq."a_${queue}" set headers = '{"set_aside": "it brings the store down"}' where msg_id = 3`,
    );
    await ask();
    await compare();
    expect(await stored()).toMatchObject({ since: "10:00:04", count: 1 });
    await system.singularity.pool.query("update singularity_source set copied_until = null");
  });

  test("a message that stands under another id is looked up by its own; one that does not say it is told", async () => {
    await archive([-1, -2, -3]);
    await system.singularity.pool.query(
      `update pgmq."a_${queue}" set enqueued_at = '2026-01-01T09:00:07Z', headers = '{"archived_msg_id": 7}' where msg_id = -1;
       update pgmq."a_${queue}" set headers = '{"archived_msg_id": 8}' where msg_id = -2`,
    );
    await merge([7]);
    await ask();
    await compare();
    expect(await stored()).toMatchObject({
      count: 1,
      problem:
        "1 archived messages do not say which id they had in their queue, so they can't be looked up",
    });
    expect(observations.map(({ event }) => event)).toContain("archive-uncompared");
  });

  test("no more than some ten thousand are counted, and that is said", async () => {
    await archive(Array.from({ length: 12_500 }, (_, number) => number + 1));
    await ask();
    await compare();
    // A run does not wait for a long one: others have their turn.
    await until("it is compared", async () => (await stored())?.compared);
    expect(await stored()).toMatchObject({ since: "10:00:01", count: 10_000, least: true });
  });

  test("one replica compares at a time, and another continues where it is gone", async () => {
    await archive([1]);
    await ask();
    const pool = system.central.pool;
    await pool.query("select central.claim_archive_check($1, $2, $3)", [
      sourceId,
      queue,
      randomUUID(),
    ]);
    await compare();
    expect(await stored()).toMatchObject({ compared: false });
    await pool.query("update central.archive_checks set lease_until = now() - interval '1 second'");
    await compare();
    expect(await stored()).toMatchObject({ compared: true, count: 1 });
  });

  test("an archive that can't be read is told, with the reason, and is compared once it can be", async () => {
    await archive([1]);
    await ask();
    await system.singularity.pool.query(`alter table pgmq."a_${queue}" rename to elsewhere`);
    try {
      await compare();
    } finally {
      await system.singularity.pool.query(`alter table pgmq.elsewhere rename to "a_${queue}"`);
    }
    expect(await stored()).toMatchObject({
      compared: false,
      problem: expect.stringContaining("does not exist"),
    });
    await compare();
    expect(await stored()).toMatchObject({ compared: true, count: 1, problem: null });
  });

  test.each([
    { what: "no time", now: "yesterday" },
    { what: "nothing", now: null },
  ])(
    "a clock that shows $what keeps no other source from being compared, and is told",
    async ({ now }) => {
      await ask();
      await compare(randomUUID(), { query: (async () => ({ rows: [{ now }] })) as never });
      expect(await stored()).toMatchObject({
        compared: false,
        problem: expect.stringContaining("does not answer as an archive does"),
      });
    },
  );
});

describe("an epoch", () => {
  const sourceId = randomUUID();
  const clock = (second: number) => ({ [sourceId]: new Date(second * 1_000).toISOString() });
  let consumer: string;
  let beat: number;

  beforeEach(async () => {
    consumer = randomUUID();
    beat = 0;
    await system.central.pool.query(
      "truncate central.epochs, central.archive_checks, central.archive_watermarks",
    );
    await enter(consumer);
  });

  const enter = (id: string) =>
    system.central.pool.query("select central.report_consumer($1, '1', 'here')", [id]);

  async function confirm(clocks: Readonly<Record<string, string>> = {}) {
    const told = await confirmEpoch(system.central.pool, consumer, beat, clocks, queues, 5_000);
    if (told === undefined) throw new Error("there are no epochs");
    beat = told.beat;
    return told;
  }

  /** As if the last watermark had been told so long ago that it may move on. */
  const later = () =>
    system.central.pool.query(
      "update central.archive_watermarks set noted_at = noted_at - interval '1 minute'",
    );

  async function watermark(): Promise<number> {
    const { rows } = await system.central.pool.query(
      "select extract(epoch from stored_until)::integer as second from central.archive_watermarks",
    );
    return rows[0].second;
  }

  /** Each archive's, in seconds since 1970. */
  async function open(): Promise<readonly { from: number; until: number | null }[]> {
    const { rows } = await system.central.pool.query(
      `select extract(epoch from from_at)::float8 as from, extract(epoch from until_at)::float8 as until
         from central.archive_checks where from_at is not null`,
    );
    return rows;
  }

  test("continues as long as the store knows what the consumer was told last", async () => {
    expect(await confirm()).toMatchObject({ isNew: true, reason: "it was never looked at before" });
    for (const second of [100, 110, 120]) {
      expect(await confirm(clock(second))).toMatchObject({ isNew: false });
      await later();
    }
    expect(await watermark()).toBe(120);
  });

  test("ends where the store forgot that, and archives are compared from where it was complete", async () => {
    await confirm(clock(100));
    await system.central.pool.query("update central.archive_checks set from_at = null");
    await confirm(clock(110));
    const { pool } = system.central;
    await pool.query("update central.consumers set beat = 0 where id = $1", [consumer]);
    await later();
    const told = await confirm(clock(120));
    expect(told).toMatchObject({
      isNew: true,
      reason: "it does not have what a consumer said last",
      checks: [{ sourceId, queue, until: null, isCompared: false, epochId: told.epochId }],
    });
    expect(await open()).toEqual([{ from: 100, until: null }]);
    expect(await watermark(), "it moves on nevertheless").toBe(120);
    expect(await confirm()).toMatchObject({ isNew: false });
  });

  test("a second loss does not move on what still waits to be compared", async () => {
    await confirm(clock(100));
    await confirm(clock(110));
    for (const second of [200, 300]) {
      await later();
      await system.central.pool.query("update central.consumers set beat = 0");
      await confirm(clock(second));
    }
    const [check] = await open();
    expect(check?.from).toBe(Number.NEGATIVE_INFINITY);
  });

  test.each([
    ["server_started_at = server_started_at - interval '1 second'", "its server was started anew"],
    ["system_id = '1'", "its server has another system identifier"],
    ["timeline = 7", "its server is on another timeline"],
    ["recovered_at = now() - interval '3 days'", "its server has recovered from a crash"],
    ["database_oid = 1", "it is another database of its server"],
    ["ledger_file = 1", "its ledger is in another file"],
    ["seen_at = now() - interval '31 seconds'", "no consumer was at work"],
  ])(
    "a new one begins for a consumer without a memory where the last one had %s",
    async (change, reason) => {
      await confirm();
      await system.central.pool.query(`update central.epochs set ${change}`);
      beat = 0;
      expect(await confirm()).toMatchObject({ isNew: true, reason });
      expect(await confirm()).toMatchObject({ isNew: false });
    },
  );

  test("a consumer that was at work is not disturbed by another that begins, nor by silence of its own", async () => {
    await confirm();
    await confirm();
    await system.central.pool.query(
      "update central.epochs set seen_at = now() - interval '1 hour'",
    );
    expect(await confirm()).toMatchObject({ isNew: false });
    const [first, ofFirst] = [consumer, beat];
    consumer = randomUUID();
    beat = 0;
    await enter(consumer);
    expect(await confirm()).toMatchObject({ isNew: false });
    [consumer, beat] = [first, ofFirst];
    expect(await confirm()).toMatchObject({ isNew: false });
  });

  test("several replicas that remember begin one for a loss, and each accepts it", async () => {
    await confirm();
    const other = { id: randomUUID(), beat: 0 };
    await enter(other.id);
    const asOther = async (work: () => Promise<unknown>) => {
      const mine = { consumer, beat };
      [consumer, beat] = [other.id, other.beat];
      const result = await work();
      other.beat = beat;
      ({ consumer, beat } = mine);
      return result;
    };
    for (let round = 0; round < 3; round++) {
      await confirm();
      await asOther(confirm);
    }
    await system.central.pool.query("update central.consumers set beat = 1");
    expect(await confirm()).toMatchObject({ isNew: true });
    expect(await asOther(confirm)).toMatchObject({ isNew: false });
    expect(await confirm()).toMatchObject({ isNew: false });
  });

  test("the archive of a new source is compared up to its first clock; in a doubted epoch, without an end yet", async () => {
    await confirm();
    await confirm(clock(100));
    expect(await open()).toEqual([{ from: Number.NEGATIVE_INFINITY, until: 100 }]);
    await system.central.pool.query("truncate central.archive_checks, central.archive_watermarks");
    await system.central.pool.query("update central.consumers set beat = 0");
    await confirm(clock(200));
    expect(await open()).toEqual([{ from: Number.NEGATIVE_INFINITY, until: null }]);
  });

  test("of a source that the ledger knows from an older version, an hour is compared", async () => {
    await system.central.pool.query(
      "insert into central.processed_messages (lane_id, msg_id, enqueued_at) values (central.lane_id($1, $2), 1, now())",
      [sourceId, queue],
    );
    await confirm(clock(7_200));
    expect(await open()).toEqual([{ from: 3_600, until: 7_200 }]);
  });

  test("costs one statement each time, whatever the number of sources, and writes at most every eight seconds", async () => {
    await confirm(clock(100));
    await confirm(clock(110));
    expect(await watermark()).toBe(100);
  });

  test("archives of a thousand sources that are away keep none from being told that the consumer works on", async () => {
    const { pool } = system.central;
    await confirm(clock(100));
    await pool.query(
      `insert into central.archive_checks (source_id, queue, epoch_id, from_at, missing_since, missing_count)
       select gen_random_uuid(), $1, 1, now(), now(), 7 from generate_series(1, 1000)`,
      [queue],
    );
    await pool.query(
      "update central.consumers set sources = jsonb_build_object($2::text, '') where id = $1",
      [consumer, sourceId],
    );
    const { checks } = (await confirm()) ?? {};
    expect(checks).toHaveLength(1_000);
    expect(checks?.[0]).toMatchObject({ sourceId, missing: undefined });
  });

  test("the doctor counts what is still to be compared, the first time and the last", async () => {
    const { pool } = system.central;
    await confirm();
    const said = async () => {
      const findings = await examine(system, { checks: ["store-losses"] });
      return findings.map(({ severity, message }) => `${severity}: ${message}`);
    };
    const add = (count: number, comparedAt: string, until: string) =>
      pool.query(
        `insert into central.archive_checks (source_id, queue, epoch_id, from_at, until_at, compared_at)
         select gen_random_uuid(), $1, 1, '2026-01-01Z', ${until}, ${comparedAt} from generate_series(1, $2)`,
        [queue, count],
      );
    expect(await said()).toEqual([
      "ok: as far as consumers know, it has everything that was archived",
    ]);
    await add(1, "now()", "'2026-01-01T12:00:40Z'");
    const lastOf = (what: string) =>
      `ok: nothing was missing so far; ${what} to be compared a last time once nothing more can come that was merged before, after 2026-01-01T12:00:40Z by the clocks of their sources`;
    expect(await said()).toEqual([lastOf("1 archive is")]);
    await add(1_200, "now()", "'2026-01-01T12:00:00Z'");
    expect(await said()).toEqual([lastOf("1201 archives are")]);
    await add(3, "null", "null");
    expect(await said()).toEqual(["ok: 3 archives are still to be compared with its ledger"]);
  });
});
