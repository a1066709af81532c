import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatSessionKey, generateKey, type SessionKey } from "@centralcloud/session-keys";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { dropSlots, prepareForCapture } from "../support/capture.ts";
import { environmentOf, startCommand } from "../support/command.ts";
import { listCommands } from "../support/command-list.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import { putDeadLetter } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

/*
 * Every command that `--help` lists, with every exit code: 0 done, 1 failed, 2 wrong usage, 3 a database can't be
 * reached. A command without a row fails. Where a row has a sentence in place of words, there is no such code.
 */

const system = useSystem();
failOnLeaks(system);
const directory = mkdtempSync(join(tmpdir(), "centralcloud-exit-codes-"));
const file = (name: string) => join(directory, name);
const keyFile = file("key.json");
const because = ["--reason", "a test"];
const queue = "centralcloud-new-patterns";
let empty: TestDatabase;
let deadLetter = "1";
let key: SessionKey;

type Environment = Readonly<Record<string, string>>;

interface Run {
  readonly words: readonly string[];
  readonly environment?: Environment;
  readonly prepare?: () => Promise<unknown>;
  /** What it writes when it is up; then it is sent SIGTERM. */
  readonly untilItWrites?: string;
  /** What standard error says. */
  readonly says?: RegExp;
}

interface Row {
  readonly done: Run;
  /** The file that shows it, where it takes more than two databases. */
  readonly doneIn?: string;
  /** Where they are left out: the same words, with databases that were never migrated. */
  readonly failed?: readonly Run[] | string;
  /** Where they are left out: the same words, with an option that does not exist. */
  readonly wrong?: readonly Run[];
  /** Where it is left out: the same words, with nobody at the databases' addresses. */
  readonly unreachable?: string;
}

const run = (words: string, more: Omit<Run, "words"> = {}): Run => ({
  words: words.split(" ").map((word) => (word === "KEY" ? keyFile : word)),
  ...more,
});
const acting = (words: string, more: Omit<Run, "words"> = {}): Run => ({
  words: [...words.split(" "), ...because],
  ...more,
});
const waits = "it waits for a database that is away, and says so in its log and its readiness";
const ended = "it ends by a signal; what does not end in time is shown in stop.test.ts";
const onSource = (statement: string) => () => system.singularity.pool.query(statement);

const putOne = async () => {
  deadLetter = await putDeadLetter(system.singularity, { original: patternMessage() });
};
let action = "1";
const planOne = async () => {
  const { rows } = await system.central.pool.query<{ id: string }>(
    `insert into central.operator_actions (actor, action, reason, selection, message_count, state)
     values ('test', 'replay', 'a test', '{}', 0, 'planned') returning id::text as id`,
  );
  action = rows[0]?.id ?? "";
};

const unmigrated = { SOURCE_DATABASE_URLS: "EMPTY", CENTRAL_DATABASE_URL: "EMPTY" };

const rows: Readonly<Record<string, Row>> = {
  migrate: {
    done: run("migrate"),
    failed: [
      run("migrate --dry-run", {
        prepare: onSource("drop view public.job_times cascade"),
        says: /nothing was changed/,
      }),
      run("migrate", {
        prepare: onSource("alter table public.agents alter column agent_id type varchar(200)"),
        says: /could not be repaired|needs a decision/,
      }),
    ],
  },
  consume: {
    done: run("consume", { untilItWrites: '"part":"consumer"' }),
    failed: ended,
    wrong: [
      run("consume --now"),
      run("consume", { environment: { CONSUMER_BATCH_SIZE: "0" } }),
      run("consume", { environment: { SOURCE_DATABASE_URLS: "mysql://host/x" } }),
    ],
    unreachable: waits,
  },
  console: {
    done: run("console", {
      // It refuses private keys.
      environment: { CONSOLE_PORT: "0", SESSION_PRIVATE_KEYS_FILE: "" },
      untilItWrites: "Open the console:",
    }),
    failed: ended,
    wrong: [
      run("console --now"),
      run("console", { environment: { CONSOLE_PORT: "many" } }),
      run("console", { environment: { CONSOLE_ADDRESS: "0.0.0.0" } }),
      run("console", { environment: { SESSION_PRIVATE_KEYS: "a key" } }),
    ],
    unreachable: "it shows which databases are away, and asks them again",
  },
  drain: {
    done: run("drain"),
    failed: [run("drain --timeout 1s", { environment: { SOURCE_DATABASE_URLS: "EMPTY" } })],
  },
  scheduler: {
    done: run("scheduler", { untilItWrites: "scheduler-leading" }),
    failed: ended,
    unreachable: waits,
  },
  "sources list": { done: run("sources list") },
  "sources adopt": {
    done: run("sources adopt --source SOURCE"),
    failed: [run("sources adopt", { says: /has an id of its own/ })],
    wrong: [run("sources adopt --source nobody"), run("sources adopt --soon")],
  },
  "sources renew": {
    done: run("sources renew"),
    // It takes a copy beside its original.
    doneIn: "cli/renew.test.ts",
    failed: [run("sources renew", { says: /has an id of its own/ })],
    wrong: [run("sources renew --source nobody"), run("sources renew --cloned-at whenever")],
  },
  queues: { done: run("queues") },
  "queues peek": {
    done: run(`queues peek ${queue}`),
    wrong: [run("queues peek"), run("queues peek another"), run(`queues peek ${queue} --after x`)],
  },
  "queues rates": {
    done: run("queues rates"),
    wrong: [run("queues rates --every 1ms"), run("queues rates --queue another")],
  },
  "queues failures": {
    done: run("queues failures"),
    wrong: [run("queues failures --queue another"), run("queues failures --before x")],
  },
  consumers: { done: run("consumers") },
  "dlq list": { done: run("dlq list") },
  "dlq count": { done: run("dlq count"), wrong: [run("dlq count --since whenever")] },
  "dlq groups": {
    done: run("dlq groups"),
    wrong: [run("dlq groups --limit 0"), run("dlq groups --fingerprint soon")],
  },
  "dlq body": {
    done: acting("dlq body DEAD_LETTER --reveal", { prepare: putOne }),
    failed: [acting("dlq body 987654321 --reveal", { says: /987654321/ })],
    wrong: [run("dlq body"), run("dlq body soon"), run("dlq body 1", { says: /--reveal/ })],
  },
  "dlq show": {
    done: run("dlq show DEAD_LETTER", { prepare: putOne }),
    failed: [run("dlq show 987654321", { says: /987654321/ })],
    wrong: [run("dlq show"), run("dlq show soon"), run("dlq show 1 --reveal")],
  },
  "dlq edit": {
    done: acting("dlq edit DEAD_LETTER --yes", {
      prepare: putOne,
      environment: { EDITOR: `sed -i '1s/{/{"note":1,/'` },
    }),
    failed: [
      acting("dlq edit 987654321 --yes"),
      acting("dlq edit DEAD_LETTER --yes", { prepare: putOne, environment: { EDITOR: "false" } }),
    ],
    wrong: [acting("dlq edit --yes"), run("dlq edit 1 --yes"), acting("dlq edit 1")],
  },
  "dlq replay": {
    done: acting("dlq replay --all --dry-run"),
    failed: [
      acting("dlq replay 987654321"),
      acting("dlq replay --all", {
        environment: unmigrated,
      }),
    ],
    wrong: [run("dlq replay --all"), acting("dlq replay"), acting("dlq replay 1 --all")],
  },
  "dlq discard": {
    done: acting("dlq discard DEAD_LETTER", { prepare: putOne }),
    failed: [acting("dlq discard 987654321")],
    wrong: [run("dlq discard 1"), acting("dlq discard")],
  },
  "dlq restore": {
    done: acting("dlq restore --all"),
    failed: [
      acting("dlq restore 987654321"),
      acting("dlq restore --all", { environment: unmigrated }),
    ],
    wrong: [run("dlq restore --all"), acting("dlq restore")],
  },
  "dlq export": {
    done: run("dlq export"),
    failed: [
      run("dlq export --out KEY", { says: /exists/i }),
      run("dlq export", { environment: unmigrated }),
    ],
    wrong: [run("dlq export --since tomorrow-ish")],
  },
  "dlq import": {
    done: acting(`dlq import ${file("export.jsonl")}`),
    failed: [
      acting(`dlq import ${file("export.jsonl")}`, {
        environment: unmigrated,
      }),
    ],
    wrong: [acting("dlq import /nowhere/x"), run("dlq import KEY")],
  },
  "dlq replay-archive": { done: acting("dlq replay-archive --all --dry-run") },
  "replay-archive": {
    done: acting("replay-archive --all"),
    failed: [
      acting("replay-archive --all", {
        environment: unmigrated,
      }),
    ],
    wrong: [run("replay-archive --all"), acting("replay-archive")],
  },
  trace: {
    done: run("trace --message 1"),
    wrong: [run("trace"), run("trace --message soon"), run("trace --agent a --at whenever")],
  },
  "actions list": { done: run("actions list") },
  "actions show": {
    done: run("actions show ACTION", { prepare: planOne }),
    failed: [run("actions show 987654321")],
  },
  "actions pause": {
    done: acting("actions pause ACTION", { prepare: planOne }),
    failed: [acting("actions pause 987654321")],
  },
  "actions resume": {
    done: run("actions resume"),
    doneIn: "dlq/actions.test.ts",
    failed: [run("actions resume 987654321")],
    wrong: [run("actions resume --from x")],
  },
  "actions work": {
    done: run("actions work", { untilItWrites: '"part":"action worker"' }),
    failed: ended,
    wrong: [run("actions work 12")],
    unreachable: "it waits for a central store that is away, and says so in its log",
  },
  "actions cancel": {
    done: acting("actions cancel ACTION", { prepare: planOne }),
    failed: [acting("actions cancel 987654321")],
  },
  "actions rate": {
    done: acting("actions rate ACTION 10", { prepare: planOne }),
    failed: [acting("actions rate 987654321 10")],
  },
  jobs: { done: run("jobs") },
  "jobs run": {
    done: run("jobs run assign-tasks-every-2min"),
    failed: [
      run("jobs run assign-tasks-every-2min", {
        prepare: onSource("alter table public.pending_tasks rename to away"),
        says: /failed/,
      }),
      run("jobs run assign-tasks-every-2min", {
        environment: { SOURCE_DATABASE_URLS: "EMPTY" },
        says: /centralcloud migrate/,
      }),
    ],
    wrong: [run("jobs run"), run("jobs run no-such-job")],
  },
  "jobs runs": {
    done: run("jobs runs"),
    wrong: [run("jobs runs --status late"), run("jobs runs --after x")],
  },
  "keys generate": {
    done: run(`keys generate --key-id new --out ${file("new.json")}`),
    failed: [run("keys generate --key-id new --out KEY --alg openpgp", { says: /exists/i })],
    wrong: [run("keys generate --key-id new"), run("keys generate --key-id / --out KEY")],
  },
  "keys add-to-ring": {
    done: run(`keys add-to-ring --from KEY --ring ${file("ring.json")}`),
    failed: "it fails by what it was given, which is wrong usage",
    wrong: [run("keys add-to-ring --from /nowhere/x --ring KEY"), run("keys add-to-ring")],
    unreachable: "it asks no database",
  },
  "keys add": {
    done: run("keys add --from KEY"),
    wrong: [run("keys add"), run("keys add --from /nowhere/x")],
  },
  "keys ensure": {
    done: run("keys ensure --from KEY"),
    wrong: [run("keys ensure"), run("keys ensure --from /nowhere/x")],
  },
  "keys bind": { done: run("keys bind") },
  "keys list": { done: run("keys list") },
  "sessions list": { done: run("sessions list"), wrong: [run("sessions list --after x")] },
  "sessions show": {
    done: run("sessions show session-1"),
    failed: [run("sessions show another", { says: /no session another/ })],
    wrong: [run("sessions show")],
  },
  "cdc run": {
    done: run("cdc run", { untilItWrites: "capture-reading" }),
    failed: ended,
    unreachable: waits,
  },
  "cdc status": { done: run("cdc status") },
  "cdc peek": { done: run("cdc peek"), wrong: [run("cdc peek --limit 0")] },
  "cdc tail": {
    done: run("cdc tail", { untilItWrites: "following" }),
    wrong: [run("cdc tail --table nothing")],
  },
  "cdc log": {
    done: run("cdc log"),
    wrong: [run("cdc log --limit none"), run("cdc log --from whenever"), run("cdc log --reveal")],
  },
  "cdc recreate": { done: acting("cdc recreate"), wrong: [run("cdc recreate")] },
  reconcile: {
    done: run("reconcile"),
    // It waits for a capture that is at work.
    doneIn: "cdc/reconcile.test.ts",
    wrong: [run("reconcile --since whenever")],
  },
  "cdc drop": { done: acting("cdc drop"), wrong: [run("cdc drop")] },
  completion: {
    done: run("completion bash"),
    failed: "it asks nothing that could fail",
    wrong: [run("completion"), run("completion tcsh")],
    unreachable: "it asks no database",
  },
  doctor: {
    done: run("doctor"),
    failed: [
      run("doctor", {
        prepare: onSource(`select pgmq.drop_queue('${queue}-dlq')`),
        says: /the doctor found \d+ error/,
      }),
    ],
  },
};

beforeAll(async () => {
  await prepareForCapture(system);
  empty = await createTestDatabase();
  key = await generateKey({ alg: "openpgp", keyId: "key-1" });
  await system.central.pool.query(
    `with source as (insert into central.sources (source_id, name) values (gen_random_uuid(), 's') returning source_id)
     insert into central.agent_sessions (source_id, session_id, agent_id, confidence, session_state, synced_at, message_hash)
     select source_id, 'session-1', 'agent-1', 0.5, '{}', now(), '\\x00' from source`,
  );
});

beforeEach(() => {
  writeFileSync(keyFile, formatSessionKey(key), { mode: 0o600 });
  writeFileSync(file("export.jsonl"), "");
});

afterAll(async () => {
  await dropSlots(system);
  await dropTestDatabase(empty);
  rmSync(directory, { recursive: true });
});

/** Both databases while one test breaks them; what it does is taken back. */
async function outcomeOf({ words, environment = {}, prepare, untilItWrites }: Run) {
  await prepare?.();
  const given = Object.fromEntries(
    Object.entries({
      ...environmentOf(system),
      SESSION_PRIVATE_KEYS_FILE: keyFile,
      ...environment,
    }).map(([name, value]) => [name, value === "EMPTY" ? empty.url : value]),
  );
  const names: Readonly<Record<string, string>> = {
    DEAD_LETTER: deadLetter,
    ACTION: action,
    SOURCE: system.singularity.name,
  };
  const actual = words.map((word) => names[word] ?? word);
  if (untilItWrites === undefined) return await runCommand(actual, given);
  const command = startCommand(actual, given);
  try {
    await until(`${words.join(" ")} to be up`, () =>
      `${command.output()}${command.errors()}`.includes(untilItWrites),
    );
  } finally {
    command.child.kill("SIGTERM");
  }
  return await command.finished;
}

test("every command of the help has a row, and every row a command", async () => {
  expect(Object.keys(rows).sort()).toEqual((await listCommands()).sort());
});

const entries = Object.entries(rows);
const nowhere = {
  SOURCE_DATABASE_URLS: "postgres://127.0.0.1:1/source",
  CENTRAL_DATABASE_URL: "postgres://127.0.0.1:1/central",
};

describe("0, what was asked for is done:", () => {
  test.each(entries)("%s", async (_, { done, doneIn }) => {
    if (doneIn !== undefined) {
      const text = readFileSync(new URL(`../${doneIn}`, import.meta.url), "utf8");
      const words = done.words.map((word) => `"${word}"`).join(", ");
      expect(text).toMatch(new RegExp(`\\[${words}[^]*exitCode.*toBe\\(0\\)`));
      return;
    }
    const { exitCode, stdout, stderr } = await outcomeOf(done);
    expect(exitCode, `${stdout}${stderr}`).toBe(0);
  });
});

describe("1, it failed:", () => {
  const failing = entries.flatMap(
    ([name, { done, failed = [{ words: done.words, environment: unmigrated }] }]): [
      string,
      Run,
    ][] => (typeof failed === "string" ? [] : failed.map((one) => [name, one])),
  );
  test.each(failing)("%s", async (_, one) => {
    const { exitCode, stderr } = await outcomeOf(one);
    expect(exitCode, stderr).toBe(1);
    expect(stderr).toMatch(one.says ?? /^centralcloud: /m);
  });
});

describe("2, it was told something wrong:", () => {
  const wrong = entries.flatMap(([, { done, wrong = [] }]) =>
    [{ words: [...done.words, "--no-such-option"] }, ...wrong].map(
      (one) => [one.words.join(" "), one] as const,
    ),
  );
  test.each(wrong)("%s", async (_, one) => {
    const { exitCode, stdout, stderr } = await outcomeOf(one);
    expect({ exitCode, stdout, stderr }).toMatchObject({ exitCode: 2, stdout: "" });
    expect(stderr).not.toBe("");
  });
});

describe("3, a database can't be reached:", () => {
  const reaching = entries.filter(([, { unreachable }]) => unreachable === undefined);
  test.each(reaching)("%s", async (_, { done: { words } }) => {
    const { exitCode, stderr } = await outcomeOf({ words, environment: nowhere });
    expect(exitCode, stderr).toBe(3);
    expect(stderr).toMatch(/127\.0\.0\.1:1\/(source|central)/);
  });
});
