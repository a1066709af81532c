import { drain } from "@centralcloud/consumer";
import { type QueueName, queueNames } from "@centralcloud/contracts";
import type { SessionKey } from "@centralcloud/session-keys";
import { beforeAll, describe, expect, test } from "vitest";
import { emptyCentral } from "../support/central-content.ts";
import { configurationFor } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { deepestJson } from "../support/deepest-json.ts";
import { failOnLeaks } from "../support/leaks.ts";
import type { Observation } from "../support/observations.ts";
import { addNewKey, sealState } from "../support/session-keys.ts";
import { overtakenBy } from "./batches.ts";
import {
  checkedDeadLetters,
  type DeadLetter,
  expectCentralToEqualArchives,
} from "./expected-content.ts";
import type { Outcome } from "./kind.ts";
import { kinds } from "./kinds/all.ts";
import { makeMessages, type Sent, wellFormed } from "./make-messages.ts";
import { Random } from "./random.ts";
import { storedRows } from "./stored-rows.ts";

/*
 * MALFORMED_COUNT messages (10,000) for each of MALFORMED_ROUNDS seeds (1), from MALFORMED_SEED (1) on.
 */
const count = Number(process.env.MALFORMED_COUNT ?? 10_000);
const rounds = Number(process.env.MALFORMED_ROUNDS ?? 1);
const firstSeed = Number(process.env.MALFORMED_SEED ?? 1);
const seeds = Array.from({ length: rounds }, (_, round) => firstSeed + round);

const maxMessageBytes = 1024 * 1024;
const system = useSystem();
failOnLeaks(system);
let key: SessionKey;

beforeAll(async () => {
  key = await addNewKey(system.singularity, "2025-10", { activate: true });
});

test("there are at least forty kinds, each with a name of its own", () => {
  expect(new Set(kinds.map(({ name }) => name)).size).toBe(kinds.length);
  expect(kinds.length).toBeGreaterThanOrEqual(40);
});

describe.each(seeds)("malformed messages of seed %i", (seed) => {
  let messages: ReadonlyMap<QueueName, ReadonlyMap<string, Sent>>;
  let observations: Observation[];
  let deadLetters: ReadonlyMap<QueueName, ReadonlyMap<string, DeadLetter>>;
  let archived: ReadonlyMap<QueueName, ReadonlySet<string>>;

  /** What became of every message, for each queue. */
  function* outcomes() {
    for (const [queue, sent] of messages) {
      for (const [msgId, message] of sent) {
        const deadLetter = deadLetters.get(queue)?.get(msgId);
        yield {
          queue,
          msgId,
          message,
          deadLetter,
          isArchived: archived.get(queue)?.has(msgId) === true,
        };
      }
    }
  }

  beforeAll(async () => {
    await emptyEverything();
    messages = await send(await make(seed));
    observations = [];
    await drain(
      configurationFor(system, { sessionKeys: [key] }),
      (observation) => void observations.push(observation),
      { timeoutS: 120 },
    );
    deadLetters = new Map(
      await Promise.all(
        queueNames.map(async (queue) => {
          return [queue, await checkedDeadLetters(system.singularity, queue)] as const;
        }),
      ),
    );
    archived = new Map(
      await Promise.all(
        queueNames.map(async (queue) => [queue, await archivedIds(queue)] as const),
      ),
    );
  }, 180_000);

  test("no part of the consumer fails, and every queue is empty", () => {
    const bad = observations.filter(
      (o) =>
        o.event === "lane-fault" ||
        o.event === "lease-lost" ||
        (o.event === "messages-released" && o.reason !== "memory-budget"),
    );
    expect(bad).toEqual([]);
  });

  test("each is archived or dead-lettered, once, with a reason that fits its kind", () => {
    const surprises: unknown[] = [];
    for (const { queue, message, deadLetter, isArchived } of outcomes()) {
      if (fits(message.outcome, deadLetter, isArchived)) continue;
      const { kind, mark, body, outcome } = message;
      surprises.push({
        kind,
        queue,
        mark,
        outcome,
        deadLetter,
        isArchived,
        body: body?.slice(0, 300),
      });
    }
    expect(surprises).toEqual([]);
  });

  test("each is delivered once, so the database never had to refuse what a contract accepts", async () => {
    for (const { deadLetter } of outcomes()) if (deadLetter) expect(deadLetter.readCount).toBe(1);
    for (const queue of queueNames) {
      const { rows } = await system.singularity.pool.query(
        `select distinct read_ct from pgmq."a_${queue}"`,
      );
      expect(rows).toEqual([{ read_ct: 1 }]);
    }
  });

  test("what is accepted means in the central store what it says", async () => {
    const wrong: unknown[] = [];
    for (const queue of queueNames) {
      const rows = await storedRows(system.central, queue);
      for (const message of messages.get(queue)?.values() ?? []) {
        const { kind, mark, outcome } = message;
        if (outcome.accepted !== true || outcome.stored === undefined) continue;
        const row = rows.rowOf(mark, outcome.stored);
        const matches = Object.entries(outcome.stored).every(
          ([column, value]) => row?.[column] === value,
        );
        if (row === undefined || !matches)
          wrong.push({ kind, queue, mark, expected: outcome.stored, row });
      }
    }
    expect(wrong).toEqual([]);
  });

  test("the central store is the sum of the archives, exactly", async () => {
    await expectCentralToEqualArchives(system.singularity, system.central);
  });

  test("every well-formed message is merged, at most one batch of later messages before it", async () => {
    const late: unknown[] = [];
    for (const queue of queueNames) {
      const overtaking = await overtakenBy(system.central, queue);
      for (const [msgId, { kind }] of messages.get(queue) ?? []) {
        if (kind !== wellFormed) continue;
        const batches = overtaking.get(msgId);
        if (batches === undefined || batches > 1) late.push({ queue, msgId, batches });
      }
    }
    expect(late).toEqual([]);
  });
});

function fits(outcome: Outcome, deadLetter: DeadLetter | undefined, isArchived: boolean): boolean {
  if ((deadLetter === undefined) !== isArchived) return false;
  if (outcome.accepted === true) return isArchived;
  if (deadLetter === undefined) return false;
  if (deadLetter.reason !== outcome.reason) return false;
  const found = [{ path: undefined, code: deadLetter.code }, ...deadLetter.issues];
  return found.some(
    ({ path, code }) =>
      (outcome.path === undefined || outcome.path === path) &&
      (outcome.code === undefined || outcome.code === code),
  );
}

async function make(seed: number): Promise<Sent[]> {
  const { singularity } = system;
  const seals = await Promise.all(
    ['{"step":1}', "{}", '{"text":"\\ud83d\\ude00"}'].map(async (state) =>
      JSON.stringify(await sealState(singularity, state)),
    ),
  );
  return makeMessages(count, new Random(seed), {
    deepest: await deepestJson(singularity.pool),
    maxMessageBytes,
    seals,
  });
}

/** Sends all to their queues in the order given, and keeps a copy of what was sent in `sent`. */
async function send(made: readonly Sent[]): Promise<Map<QueueName, Map<string, Sent>>> {
  const { pool } = system.singularity;
  const sent = new Map<QueueName, Map<string, Sent>>();
  for (const queue of queueNames) {
    const own = made.filter((message) => message.queue === queue);
    const byId = new Map<string, Sent>();
    for (let at = 0; at < own.length; at += 250) {
      const part = own.slice(at, at + 250);
      const { rows } = await pool.query<{ id: string }>(
        "select s.id::text from pgmq.send_batch($1, $2::jsonb[], $3::jsonb[]) as s (id)",
        [queue, part.map(({ body }) => body), part.map(({ headers }) => headers ?? null)],
      );
      for (const [place, { id }] of rows.entries()) byId.set(id, part[place] as Sent);
    }
    await pool.query(
      `insert into sent select $1, msg_id, message, headers from pgmq."q_${queue}"`,
      [queue],
    );
    sent.set(queue, byId);
  }
  return sent;
}

async function archivedIds(queue: QueueName): Promise<Set<string>> {
  const { rows } = await system.singularity.pool.query<{ id: string }>(
    `select msg_id::text as id from pgmq."a_${queue}" a
      where exists (select from sent s where s.queue = $1 and s.msg_id = a.msg_id
                       and s.message is not distinct from a.message
                       and s.headers is not distinct from a.headers)`,
    [queue],
  );
  return new Set(rows.map(({ id }) => id));
}

async function emptyEverything(): Promise<void> {
  const { pool } = system.singularity;
  await pool.query(
    "create table if not exists sent (queue text, msg_id bigint, message jsonb, headers jsonb); truncate sent",
  );
  for (const queue of queueNames) {
    await pool.query(`truncate pgmq."q_${queue}", pgmq."a_${queue}", pgmq."q_${queue}-dlq"`);
  }
  await emptyCentral(system.central.pool);
}
