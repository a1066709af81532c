import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { queueNames } from "@centralcloud/contracts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { listCommands } from "../support/command-list.ts";
import { drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { putOddDeadLetter } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";
import { runCommand } from "../support/run-command.ts";

/*
 * Nobody sees what a contract calls sensitive, what no contract knows, or what a database quotes, unless they ask to, with
 * a reason, on record. Each command says what it shows; a new one needs a line here.
 */

const system = useSystem();
const members = useMembers(system, { consumer: "centralcloud_consumer" });
failOnLeaks(system);

/** In everything that is to be masked: as a word, as a number, and as what looks harmless in an error. */
const secret = "geheimnis-5e1f77";
const secretNumber = 7_731_904_412;
const secrets = [secret, String(secretNumber), "geheimnis", "5e1f77"];

const stamp = "2025-10-25T10:00:00Z";
const good = { agent_id: "agent-1", pattern: { type: secret, n: secretNumber }, learned_at: stamp };

const messages: Readonly<Record<(typeof queueNames)[number], readonly unknown[]>> = {
  "centralcloud-new-patterns": [
    ...["raise", "cast", "check", "unknown"].map((trap) => ({
      ...good,
      pattern: { trap, value: secret },
    })),
    { ...good, confidence: 1.7, [secret]: secret, extra: { [secret]: [secretNumber] } },
    { ...good, confidence: `${secret}`, learned_at: `yesterday, ${secret}`, source: { secret } },
    { ...good, agent_id: { secret }, pattern: secret, source: `${secret} and a sentence` },
    JSON.stringify({ ...good, confidence: 2 }),
    JSON.stringify(secret),
    secret,
    [secret, secretNumber],
    secretNumber,
  ],
  "agent-sessions": [
    { agent_id: "agent-1", session_id: "s1", session_state: secret, synced_at: stamp },
    { agent_id: "agent-1", session_id: "s2", session_state: { secret }, synced_at: `x${secret}` },
    {
      agent_id: "agent-1",
      session_id: "s3",
      sealed: { alg: "x25519-sealedbox", key_id: "no-such-key", data: secret, data_key: secret },
      synced_at: stamp,
    },
  ],
  "agent-knowledge-updates": [
    { agents_updated: -1, total_patterns: secret, updated_at: null, agents: [{ [secret]: 1 }] },
    { agents_updated: secret, total_patterns: 1, updated_at: stamp, agents: secret },
  ],
};

/** What no consumer of ours has written. */
const oddDeadLetters = [
  { reason: `it was ${secret}`, error: secret, original_message: secret },
  {
    reason: "rejected",
    error: { code: `code ${secret}`, message: `the value ${secret} is wrong` },
  },
  {
    reason: "invalid",
    error: {
      code: "required",
      message: `${secret} is missing`,
      issues: [{ path: `a.${secret}`, code: secret, message: `${secret} is missing` }],
    },
    attempts: [{ at: secret, consumer: { secret }, error: { code: "x y", message: secret } }],
    original_headers: { [secret]: secret, attempts: [secret] },
    original_message_id: secret,
    original_enqueued_at: secret,
  },
  secret,
];

let folder = "";
let ids: readonly { readonly id: string; readonly queue: string }[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "masked-"));
  await system.central.pool.query(`
    create function central.trap_of_test() returns trigger language plpgsql as $$
    declare v_kind text := new.pattern ->> 'trap';
    begin
      if v_kind = 'raise' then raise exception 'refused: %', new.pattern; end if;
      if v_kind = 'cast' then perform (new.pattern ->> 'value')::integer; end if;
      if v_kind = 'unknown' then
        raise exception 'refused: %', new.pattern using errcode = 'XX000', detail = new.pattern::text;
      end if;
      return new;
    end $$;
    create trigger trap_of_test before insert on central.patterns
      for each row execute function central.trap_of_test();
    alter table central.patterns add constraint trap_of_test check (pattern ->> 'trap' <> 'check')`);
  for (const queue of queueNames) {
    await queuesOf(system).sendBatch(
      queue,
      messages[queue].map((message) => JSON.stringify(message)),
    );
  }
  await drainAll(system);
  for (const body of oddDeadLetters) {
    await putOddDeadLetter(
      system.singularity,
      JSON.stringify(body),
      JSON.stringify({ [secret]: secret, attempts: secret }),
    );
  }
  await system.singularity.pool.query(
    `create function public.trap_of_test() returns trigger language plpgsql as $$
     begin raise exception 'refused: %', new.agent_id; end $$;
     create trigger trap_of_test before insert on public.learned_patterns
       for each row execute function public.trap_of_test();
     insert into public.analysis_results (agent_id, result) values ('${secret}', '{"type":"x"}')`,
  );
  const lists = queueNames.map(async (queue) => {
    const { rows } = await system.singularity.pool.query<{ id: string }>(
      `select msg_id::text as id from pgmq."q_${queue}-dlq" order by msg_id`,
    );
    return rows.map(({ id }) => ({ id, queue }));
  });
  ids = (await Promise.all(lists)).flat();
});
afterAll(() => rm(folder, { recursive: true }));

/** How each command is run, or why it is not. The text of a line has no part of a secret. */
const shown: Readonly<Record<string, readonly string[] | string>> = {
  queues: ["queues"],
  "queues peek": queueNames.map((queue) => `queues peek ${queue} --bodies`),
  "queues rates": ["queues rates"],
  "queues failures": ["queues failures"],
  consumers: ["consumers"],
  trace: ["trace --agent agent-1", "trace --message DEAD_LETTER"],
  jobs: ["jobs"],
  "jobs runs": ["jobs runs"],
  doctor: ["doctor --all"],
  "sources list": ["sources list"],
  "keys list": ["keys list"],
  "actions list": ["actions list"],
  "actions show": ["actions show ACTION"],
  "dlq list": ["dlq list", "dlq list --groups", "dlq list --code out_of_range"],
  "dlq groups": ["dlq groups"],
  "dlq count": ["dlq count"],
  "dlq show": ["dlq show DEAD_LETTER"],
  "dlq replay": ["dlq replay --all --dry-run", "dlq replay DEAD_LETTER --reason test --canary"],
  "dlq discard": ["dlq discard --all --dry-run", "dlq discard DEAD_LETTER --reason test"],
  "dlq restore": ["dlq restore --all --dry-run", "dlq restore --all --reason test"],
  "dlq replay-archive": ["dlq replay-archive --all --dry-run"],
  "replay-archive": ["replay-archive --all --dry-run"],
  "jobs run": ["jobs run learn-patterns-every-5min"],
  drain: ["drain --timeout 5s"],
  migrate: ["migrate"],
  reconcile: ["reconcile"],
  "cdc status": ["cdc status"],
  "dlq export": "it writes whole dead letters, to be put back, on record; refused on a terminal",
  "dlq body": "it reveals, on record: see below",
  "dlq edit": "whoever edits a message sees it, on record: see below",
  completion: "it asks no database",
  "dlq import":
    "it writes what it reads, and names lines by their number: see export-import.test.ts",
  "sessions list": ["sessions list"],
  "sessions show": "it opens one state for whoever holds its private key",
  "cdc peek": "it takes a slot: see cdc/peek.test.ts",
  "cdc tail": "it takes a slot: see cdc/peek.test.ts",
  "cdc log": ["cdc log"],
  "cdc run": "its log is searched: see security/output-search.test.ts",
  console: "its pages are searched: see console/dead-letters.test.ts",
  consume: "its log is searched: see security/output-search.test.ts",
  scheduler: "its log is searched: see security/output-search.test.ts",
  "cdc recreate": "it shows nothing of a row",
  "cdc drop": "it shows nothing of a row",
  "keys generate": "it asks no database",
  "keys add": "it shows nothing of a row",
  "keys add-to-ring": "it asks no database",
  "keys bind": "it shows nothing of a row",
  "keys ensure": "it shows nothing of a row",
  "sources adopt": "it shows nothing of a row",
  "sources renew": "it shows nothing of a row",
  "actions pause": "it shows what actions show does",
  "actions resume": "it shows what actions show does",
  "actions work": "its log has numbers of actions, names of sources, and words of ours",
  "actions cancel": "it shows what actions show does",
  "actions rate": "it shows what actions show does",
};

function leaksIn(text: string): readonly string[] {
  return secrets.filter((one) => text.toLowerCase().includes(one));
}

async function run(words: readonly string[]) {
  return await runCommand(words, environmentOf(system));
}

describe("without --reveal", () => {
  test("every command has a line here", async () => {
    expect(Object.keys(shown).sort()).toEqual((await listCommands()).sort());
  });

  test("dlq show masks every dead letter, in text and in JSON, and shows what is wrong with it", async () => {
    expect(ids.length).toBeGreaterThanOrEqual(18);
    for (const { id, queue } of ids) {
      for (const more of [[], ["--json"]]) {
        const { stdout, stderr, exitCode } = await run([
          "dlq",
          "show",
          id,
          "--queue",
          queue,
          ...more,
        ]);
        expect(stderr, `${id} of ${queue}`).toBe("");
        expect({ id, queue, exitCode, leaks: leaksIn(stdout + stderr) }).toEqual({
          id,
          queue,
          exitCode: 0,
          leaks: [],
        });
        if (more.length > 0) expect(JSON.parse(stdout)).toMatchObject({ masked: true });
      }
    }
  });

  test("no command shows what is to be masked", async () => {
    const action = async () => {
      const { rows } = await system.central.pool.query<{ id: string }>(
        "select max(id)::text as id from central.operator_actions",
      );
      return rows[0]?.id ?? "1";
    };
    const lines = Object.values(shown).flatMap((rows) => (typeof rows === "string" ? [] : rows));
    // Those that show actions come after those that do something.
    const ordered = [
      ...lines.filter((line) => !line.startsWith("actions")),
      ...lines.filter((line) => line.startsWith("actions")),
    ];
    for (const line of ordered) {
      const deadLetter = ids.find(({ queue }) => queue === "centralcloud-new-patterns")?.id ?? "";
      const words: string[] = [];
      for (const word of line.split(" ")) {
        if (word === "DEAD_LETTER") words.push(deadLetter, "--queue", "centralcloud-new-patterns");
        else words.push(word === "ACTION" ? await action() : word);
      }
      for (const more of [[], ["--json"]]) {
        if (
          more.length > 0 &&
          /^(migrate|drain|dlq (replay|discard|restore) .*--reason)/.test(line)
        )
          continue;
        const { stdout, stderr } = await run([...words, ...more]);
        expect({ line, leaks: leaksIn(stdout + stderr) }).toEqual({ line, leaks: [] });
        expect(stdout + stderr, line).not.toBe("");
      }
    }
  }, 120_000);
});

describe("with --reveal", () => {
  test("a dead letter is shown whole, after it is on record who looked at which one, and why", async () => {
    const { id, queue } = ids.find((one) => one.queue === "agent-sessions") ?? {
      id: "",
      queue: "",
    };
    const words = ["dlq", "show", id, "--queue", queue];
    const why = ["--reveal", "--reason", "customer asked", "--actor", "kim"];
    for (const more of [[], ["--json"]]) {
      const { stdout, exitCode } = await run([...words, ...why, ...more]);
      expect(exitCode).toBe(0);
      expect(leaksIn(stdout)).toContain(secret);
    }
    const { rows } = await system.central.pool.query(
      `select actor, action, reason, state, channel, selection ->> 'ids' as ids, selection ->> 'queues' as queues
         from central.operator_actions where action = 'reveal'`,
    );
    const recorded = {
      actor: "kim",
      action: "reveal",
      reason: "customer asked",
      state: "done",
      channel: "cli",
      ids: `["${id}"]`,
      queues: `["${queue}"]`,
    };
    expect(rows).toEqual([recorded, recorded]);
  });

  test.each([
    ["dlq body", ["--reveal"]],
    ["dlq edit, of which nothing is sent", ["--from", "absent", "--yes"]],
  ])("who looks at a whole message by %s is on record", async (name, more) => {
    const { id, queue } = ids.find((one) => one.queue === "agent-sessions") ??
      ids[0] ?? { id: "", queue: "" };
    const [, command = ""] = name.split(/[ ,]/);
    await run(["dlq", command, id, "--queue", queue, ...more, "--reason", `asked by ${command}`]);
    const { rows } = await system.central.pool.query(
      "select action, state, selection ->> 'ids' as ids from central.operator_actions where reason = $1",
      [`asked by ${command}`],
    );
    expect(rows).toEqual([{ action: "reveal", state: "done", ids: `["${id}"]` }]);
  });

  test("nothing is shown without a reason, without the record, or to who may not have it recorded", async () => {
    const { id, queue } = ids.at(-1) ?? { id: "", queue: "" };
    const words = ["dlq", "show", id, "--queue", queue];
    expect(await run([...words, "--reveal"])).toMatchObject({
      exitCode: 2,
      stdout: "",
      stderr: expect.stringContaining("--reason"),
    });
    expect(await run([...words, "--reason", "why not"])).toMatchObject({ exitCode: 2, stdout: "" });
    const nowhere = {
      ...environmentOf(system),
      CENTRAL_DATABASE_URL: "postgres://x@127.0.0.1:1/x",
    };
    const asked = [...words, "--reveal", "--reason", "a test"];
    expect(await runCommand(asked, nowhere)).toMatchObject({ exitCode: 3, stdout: "" });
    const consumer = environmentOf(members.consumer);
    const refused = await runCommand(asked, consumer);
    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toMatch(/lacks .*plan_operator_action/);
    const { stdout } = await runCommand(words, consumer);
    expect(leaksIn(stdout)).toEqual([]);
  });

  test("what is masked was there to be found", async () => {
    const { stdout } = await run(["dlq", "export"]);
    expect(leaksIn(stdout)).toEqual(secrets);
    const { rows } = await system.singularity.pool.query<{ text: string }>(
      `select string_agg(message -> 'error' ->> 'message', ' ') as text from pgmq."q_centralcloud-new-patterns-dlq"`,
    );
    expect(leaksIn(rows[0]?.text ?? "")).toContain(secret);
  });
});

test("an issue stands at its place: beneath the value, or beneath the object that lacks a field", async () => {
  const original = { agent_id: "agent-1", confidence: 1.7, pattern: { type: secret } };
  const body = {
    reason: "invalid",
    error: { code: "x", message: "x" },
    original_message: original,
  };
  const id = await putOddDeadLetter(system.singularity, JSON.stringify(body));
  const { stdout } = await run(["dlq", "show", id, "--queue", "centralcloud-new-patterns"]);
  expect(stdout).toContain(
    [
      '  "original_message": {',
      "  ^ learned_at is missing",
      '    "pattern": "(masked object)",',
      '    "agent_id": "agent-1",',
      '    "confidence": 1.7',
      "    ^ confidence must be between 0 and 1",
      "  }",
    ].join("\n"),
  );
});
