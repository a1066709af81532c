import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { dropSlots, prepareForCapture, useCapture } from "../support/capture.ts";
import { environmentOf, startCommand } from "../support/command.ts";
import { listCommands } from "../support/command-list.ts";
import { queuesOf } from "../support/consumer.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import { putDeadLetter } from "../support/dead-letters.ts";
import { type Poison, poisonRelations, relationsOf } from "../support/hostile-source.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { createLogin, dropLogin, type Login, openAs } from "../support/logins.ts";
import { watchMemory } from "../support/memory.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

/*
 * Every command, with a source beside the good one whose owner means no good: it ends in its time, takes no memory for
 * it, names that source, and does for the good one what it was asked for. A command without a row fails.
 */

const system = useSystem();
failOnLeaks(system);
const capture = useCapture(system);
const megabyte = 1024 * 1024;
const queue = "centralcloud-new-patterns";
let owner: Login;
let deadLetter = "";

interface Row {
  readonly words: string;
  /** What standard output says of the good source, or of what was done there. */
  readonly shows: RegExp | (() => string);
  /** True where it need not ask the hostile one, so it may say nothing of it. */
  readonly asksOne?: true;
  /** What it does to the one dead letter of the good source, though it fails at the other. */
  readonly moves?: "restored" | "replayed";
  /** It follows until a signal ends it: what it writes when it is at work. */
  readonly untilItWrites?: () => string;
}

const good = () => system.singularity.name;
const because = "--reason test";
const perSource = "--timeout 3s";

/** In this order, because some use up what others show. */
const rows: Readonly<Record<string, Row | string>> = {
  consume: "hostile-sources.test.ts",
  console: "console/now.test.ts",
  migrate:
    "it is run as the owner of each database, one after the other, and waits as long as one takes",
  doctor: "bounded-doctor.test.ts",
  queues: "hostile-answers.test.ts",
  jobs: "hostile-answers.test.ts",
  "dlq list": "hostile-answers.test.ts",
  "dlq groups": "hostile-answers.test.ts",
  "dlq show": "hostile-answers.test.ts",
  "keys list": "hostile-answers.test.ts",
  "cdc status": "hostile-answers.test.ts",
  "dlq edit": "it reads as dlq show does, and sends to the one source that has the dead letter",
  completion: "it asks no database",
  "keys generate": "it asks no database",
  "keys add-to-ring": "it asks no database",
  consumers: "it asks the central store alone",
  "queues failures": "it asks the central store alone",
  "sessions list": "it asks the central store alone",
  "actions list": "it asks the central store alone",
  "actions show": "it asks the central store alone",
  "actions pause": "it asks the central store alone",
  "actions resume": "it does what the action was: see dlq replay",
  "actions work": "as actions resume",
  "actions cancel": "it asks the central store alone",
  "actions rate": "it asks the central store alone",
  "sessions show": "it asks the central store alone",
  "cdc log": "it asks the central store alone",
  "cdc run": "each source has a capture of its own: see long-changes.test.ts",
  "keys add": "it writes to all sources or names those that it could not: see keys.test.ts",
  "keys ensure": "as keys add",
  "keys bind": "as keys add",
  "dlq import": "it writes to the one source that the file names",
  "dlq replay-archive": "as replay-archive",
  "cdc recreate": "it works on the one source that is named",
  "cdc drop": "it works on the one source that is named",
  "sources adopt": "it decides about the one source that is named",
  "sources renew": "it decides about the one source that is named",
  "sources list": { words: `sources list ${perSource}`, shows: good },
  trace: { words: `trace --agent agent-1 ${perSource}`, shows: good },
  "queues peek": { words: `queues peek ${queue} ${perSource}`, shows: good },
  "queues rates": { words: `queues rates ${perSource}`, shows: /^/ },
  "jobs runs": { words: `jobs runs ${perSource}`, shows: /^/ },
  "dlq count": { words: `dlq count ${perSource}`, shows: good },
  "dlq body": {
    words: `dlq body DEAD_LETTER --reveal ${because} ${perSource}`,
    shows: /original_message/,
  },
  "dlq export": { words: `dlq export ${perSource}`, shows: good },
  "dlq discard": {
    words: `dlq discard DEAD_LETTER --source GOOD ${because}`,
    shows: /1/,
    asksOne: true,
  },
  "dlq restore": { words: `dlq restore --all ${because}`, shows: /^/, moves: "restored" },
  "dlq replay": { words: `dlq replay --all ${because}`, shows: /^/, moves: "replayed" },
  "replay-archive": { words: `replay-archive --all ${because}`, shows: /^/ },
  "jobs run": {
    words: "jobs run assign-tasks-every-2min --source GOOD",
    shows: good,
    asksOne: true,
  },
  "cdc peek": { words: `cdc peek ${perSource}`, shows: /"agent_id":"(rows|endless|error)"/ },
  "cdc tail": { words: "cdc tail", shows: /^/, untilItWrites: () => `following ${good()}` },
  reconcile: { words: `reconcile ${perSource}`, shows: good },
  scheduler: { words: "scheduler", shows: /^/, untilItWrites: () => "scheduler-leading" },
  drain: { words: "drain --timeout 8s", shows: /"processed":[1-9]/ },
};

beforeAll(async () => {
  owner = await createLogin(inject("serverUrl"), "superuser");
  await prepareForCapture(system);
  const part = await capture.start();
  await part.observed("capture-reading");
  await part.stop();
});
afterAll(async () => {
  await dropSlots(system);
  await dropLogin(inject("serverUrl"), owner);
});

test("every command of the help has a row, and every row a command", async () => {
  expect(Object.keys(rows).sort()).toEqual((await listCommands()).sort());
});

const asked = Object.entries(rows).flatMap(([name, row]) =>
  typeof row === "string" ? [] : [[name, row] as const],
);

describe.each(["rows", "endless", "error"] as Poison[])("beside a source of %s", (poison) => {
  let hostile: TestDatabase;
  beforeAll(async () => {
    hostile = await createTestDatabase("source");
    const { pool } = openAs(owner, hostile);
    const relations = await relationsOf(pool);
    await poisonRelations(
      pool,
      relations.filter(({ name }) => name !== "singularity_source"),
      poison,
    );
    await pool.end();
    deadLetter = await putDeadLetter(system.singularity, { original: patternMessage() });
    await queuesOf(system).send(queue, patternMessage());
    await system.singularity.pool.query("insert into agents (agent_id) values ($1)", [poison]);
  });
  afterAll(() => dropTestDatabase(hostile));

  test.each(asked)("%s", async (_, { words, shows, asksOne, moves, untilItWrites }) => {
    const given = environmentOf(system);
    const environment = {
      ...given,
      SOURCE_DATABASE_URLS: `${hostile.url} ${given.SOURCE_DATABASE_URLS}`,
    };
    const names: Readonly<Record<string, string>> = { DEAD_LETTER: deadLetter, GOOD: good() };
    const actual = words.split(" ").map((word) => names[word] ?? word);
    if (untilItWrites !== undefined) {
      const command = startCommand(actual, environment);
      const written = () => `${command.output()}${command.errors()}`;
      try {
        await until("it is at work", () => written().includes(untilItWrites()), 30_000);
      } finally {
        command.child.kill("SIGTERM");
      }
      const endedAt = performance.now();
      await command.finished;
      expect(performance.now() - endedAt).toBeLessThan(20_000);
      return;
    }
    const memory = watchMemory();
    const startedAt = performance.now();
    const { exitCode, stdout, stderr } = await runCommand(actual, environment);
    expect(performance.now() - startedAt).toBeLessThan(40_000);
    expect(memory.stop()).toBeLessThan(300 * megabyte);
    const all = `${stdout}${stderr}`;
    if (shows instanceof RegExp) expect(stdout, all).toMatch(shows);
    else expect(stdout, all).toContain(shows());
    expect(exitCode, all).toBeOneOf([0, 1, 3]);
    if (exitCode !== 0 && asksOne === undefined) expect(stderr).toContain(hostile.name);
    if (asksOne) expect(exitCode, all).toBe(0);
    if (moves !== undefined) {
      expect(exitCode, all).toBe(1);
      const { rows: left } = await system.singularity.pool.query(
        `select from pgmq."q_${queue}-dlq" where msg_id = $1`,
        [deadLetter],
      );
      expect(left, all).toHaveLength(moves === "restored" ? 1 : 0);
    }
  });
});
