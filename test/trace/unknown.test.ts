import { QueueClient } from "@centralcloud/queue";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { drainAll } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { emptyQueues, patterns } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { brief, traces } from "../support/trace.ts";

/* What is not known any more is a line of its own: it must not look as if nothing had happened. */

const system = useSystem();
failOnLeaks(system);
const { trace, text } = traces(system);
const source = (statement: string, values: unknown[] = []) =>
  system.singularity.pool.query(statement, values);
const store = (statement: string, values: unknown[] = []) =>
  system.central.pool.query(statement, values);
let id = "";

async function sourceId(): Promise<string> {
  return (await source("select source_id from singularity_source")).rows[0].source_id;
}

beforeEach(async () => {
  const queue = new QueueClient(system.singularity.pool);
  id = `${await queue.send(patterns, patternMessage({ agent_id: "agent-7" }))}`;
  await drainAll(system);
});
afterEach(async () => {
  await emptyQueues(system);
  await store(
    "truncate central.processed_messages, central.pruned_ranges, central.change_log, central.capture_cursors",
  );
});

describe("a pruned ledger", () => {
  beforeEach(async () => {
    await store("update central.processed_messages set processed_at = now() - interval '2 days'");
    const { rows } = await store("select central.prune_ledger($1, $2, 1000000) as pruned", [
      await sourceId(),
      patterns,
    ]);
    expect(rows).toEqual([{ pruned: 1 }]);
  });

  test("leaves that a message was merged, and not when", async () => {
    const told = await trace("--message", id);
    expect(brief(told).filter((line) => line.startsWith("ledger"))).toEqual([]);
    expect(told.unknown).toContainEqual({
      from: expect.stringMatching(/Z$/),
      to: expect.stringMatching(/Z$/),
      why: `message ${id} of ${patterns} was merged, and when is not known any more: its row of the ledger is pruned`,
      source: system.singularity.name,
    });
    expect(await text("--message", id)).toMatch(
      /not known +until .*: message \d+ .* was merged, and when/,
    );
  });

  test("is told once, where many messages are of it", async () => {
    const queue = new QueueClient(system.singularity.pool);
    await queue.sendBatch(
      patterns,
      Array.from({ length: 5 }, () => patternMessage({ agent_id: "agent-7" })),
    );
    await drainAll(system);
    await store("update central.processed_messages set processed_at = now() - interval '2 days'");
    await store("select central.prune_ledger($1, $2, 1000000)", [await sourceId(), patterns]);
    const { unknown } = await trace("--agent", "agent-7");
    expect(unknown.filter(({ why }) => why.includes("pruned"))).toEqual([
      expect.objectContaining({
        why: expect.stringMatching(/^6 messages of .* were merged, and when/),
      }),
    ]);
  });

  test("tells of a message that its source has no more", async () => {
    await emptyQueues(system);
    const told = await trace("--message", id);
    expect(told.events).toEqual([]);
    expect(told.unknown).toContainEqual(
      expect.objectContaining({
        why: expect.stringMatching(
          `^a message ${id} of ${patterns} was sent and merged, and when is not known`,
        ),
      }),
    );
  });
});

test("a message that only the ledger has was merged, and what it said is not known", async () => {
  await emptyQueues(system);
  const told = await trace("--message", id);
  expect(brief(told)).toEqual([`ledger: sent as message ${id}`, "ledger: merged"]);
  expect(told.unknown).toContainEqual(
    expect.objectContaining({
      why: expect.stringMatching(
        `^what message ${id} .* said is not known: the source has it no more`,
      ),
    }),
  );
});

test("an archived message that the ledger does not have is told as such", async () => {
  await store("delete from central.processed_messages");
  expect((await trace("--message", id)).unknown).toContainEqual(
    expect.objectContaining({
      why: expect.stringContaining("the ledger of this store does not have it"),
    }),
  );
});

test("archives are kept for 90 days, so of a source that is older not everything can be known", async () => {
  await source("update singularity_source set created_at = now() - interval '100 days'");
  const { unknown } = await trace("--agent", "agent-7");
  expect(unknown).toContainEqual(
    expect.objectContaining({ why: expect.stringMatching(/^archives are kept for 90 days/) }),
  );
  const recent = await trace("--agent", "agent-7", "--from", "1h");
  expect(recent.unknown.filter(({ why }) => why.startsWith("archives"))).toEqual([]);
  await source("update singularity_source set created_at = now()");
});

describe("the capture", () => {
  const mark = async (operation: string, lsn: number, at: string, values: object) =>
    store("select central.mark_change_log($1, $2, $3, $4, $5)", [
      await sourceId(),
      operation,
      lsn,
      at,
      JSON.stringify(values),
    ]);
  const gaps = async (...words: string[]) =>
    (await trace("--agent", "agent-7", ...words)).unknown
      .filter(({ why }) => why.includes("changes"))
      .map(({ from, to, why }) => [from?.slice(0, 16) ?? null, to?.slice(0, 16) ?? null, why]);

  test("that there is none is told", async () => {
    expect(await gaps()).toEqual([[null, null, "no changes are captured of this source"]]);
  });

  test("its gap and its end are told, as far as they are in the times that are asked for", async () => {
    await mark("begin", 100, "2026-01-01T10:00:00Z", { reason: "begun" });
    await store("select central.record_changes($1, $2)", [
      await sourceId(),
      JSON.stringify([
        {
          lsn: 200,
          ordinal: 0,
          committed_at: "2026-01-01T11:00:00Z",
          table_name: "agents",
          operation: "insert",
          key: { agent_id: "agent-7" },
          new_values: { agent_id: "agent-7", known_patterns: ["hidden words"] },
        },
      ]),
    ]);
    await mark("gap", 300, "2026-01-01T12:00:00Z", {
      from: "0/CA",
      to: "0/12C",
      reason: "slot lost",
    });
    await mark("gap", 310, "2026-01-01T13:00:00Z", {
      table: "agents",
      from: "0/12C",
      to: "0/136",
      reason: "renamed",
    });
    await mark("end", 400, "2026-01-01T14:00:00Z", { reason: "no more" });
    expect(await gaps()).toEqual(
      [
        [null, "2026-01-01T10:00", "no changes were captured yet"],
        [
          "2026-01-01T11:00",
          "2026-01-01T12:00",
          "changes are missing: the capture has a gap: slot lost",
        ],
        ["2026-01-01T12:00", "2026-01-01T13:00", "changes of agents are missing: renamed"],
        ["2026-01-01T14:00", null, "the capture was ended: no more"],
      ].filter(([, , why]) => why?.includes("changes")),
    );
    expect(await gaps("--from", "2026-01-01T10:30:00Z", "--to", "2026-01-01T11:30:00Z")).toEqual([
      [
        "2026-01-01T11:00",
        "2026-01-01T11:30",
        "changes are missing: the capture has a gap: slot lost",
      ],
    ]);
    const told = await trace("--agent", "agent-7");
    expect(JSON.stringify(told)).not.toContain("hidden words");
    expect(told.unknown).toContainEqual(
      expect.objectContaining({ why: "the capture was ended: no more" }),
    );
  });
});

describe("a bound", () => {
  test("of rows is told, with from when on it cut", async () => {
    const other = JSON.stringify({
      agent_id: "many",
      pattern: {},
      learned_at: "2025-10-25T10:00:00Z",
    });
    await source(
      `insert into pgmq."a_${patterns}" (msg_id, read_ct, enqueued_at, archived_at, vt, message)
       select 1000 + n, 1, '2026-01-01'::timestamptz + n * interval '1 second', '2026-01-02'::timestamptz + n * interval '1 second',
              now(), $1 from generate_series(1, 600) n`,
      [other],
    );
    const told = await trace("--agent", "many", "--limit", "50");
    expect(told.events).toHaveLength(50);
    expect(told.unknown).toContainEqual(
      expect.objectContaining({
        why: expect.stringMatching(
          /^not all of the archived messages of .*: more than 500 were found$/,
        ),
      }),
    );
    expect(told.unknown).toContainEqual(
      expect.objectContaining({
        why: expect.stringMatching(/^\d+ older events are left out; give --limit more/),
      }),
    );
    // A time narrows it to what is whole.
    const at = await trace(
      "--agent",
      "many",
      "--from",
      "2026-01-01T00:01:00Z",
      "--to",
      "2026-01-01T00:01:05Z",
    );
    expect(at.events.filter(({ what }) => what.startsWith("sent"))).toHaveLength(6);
  });

  test("of time is told where a table is locked, and the others are read", async () => {
    const client = await system.singularity.pool.connect();
    await client.query(`begin; lock table pgmq."a_agent-sessions"`);
    try {
      const told = await trace("--agent", "agent-7", "--timeout", "3s");
      expect(brief(told)).toContainEqual("ledger: merged");
      expect(told.unknown).toContainEqual(
        expect.objectContaining({
          why: expect.stringMatching(
            /^not all of the archived messages of agent-sessions were looked at: there was no time left$/,
          ),
        }),
      );
    } finally {
      await client.query("rollback");
      client.release();
    }
  });

  test("of rights is told as well", async () => {
    await store("alter table central.operator_actions rename to away");
    try {
      expect((await trace("--message", id)).unknown).toContainEqual(
        expect.objectContaining({
          why: expect.stringMatching(/^what operators did can't be read: it is not there/),
        }),
      );
    } finally {
      await store("alter table central.away rename to operator_actions");
    }
  });
});
