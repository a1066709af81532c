import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatSessionKey, generateKey, type SessionKey } from "@centralcloud/session-keys";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dropSlots, prepareForCapture } from "../support/capture.ts";
import {
  environmentOf,
  type RunningCommand,
  runCommandAlone,
  startCommand,
} from "../support/command.ts";
import { queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { publicBytesOf, sealState, sessionMessage } from "../support/session-keys.ts";
import { until } from "../support/until.ts";

/*
 * Runs everything that runs for long, and what operators look at, with the most talkative log, through good
 * messages and faults of all kinds; then searches all that came out for what must not be there. Commands that
 * are there to show contents (`dlq list`, `show` and `export`, `sessions show`, `cdc peek`, `tail` and `log`) are the
 * control: they show that the contents were there to be found.
 */

const system = useSystem();
failOnLeaks(system);

const secrets = {
  content: "CONTENT-7d1e5a90",
  plaintext: "PLAINTEXT-2b9c41f6",
  password: "PASSWORD-c0ffee11",
};
const { content } = secrets;
const patterns = "centralcloud-new-patterns";
const sessions = "agent-sessions";
const knowledge = "agent-knowledge-updates";

const outputs = new Map<string, string>();
const directory = mkdtempSync(join(tmpdir(), "centralcloud-output-"));
const keyFile = join(directory, "keys.json");
let key: SessionKey;
let environment: Record<string, string>;

beforeAll(async () => {
  key = await generateKey({ alg: "openpgp", keyId: "output-search" });
  writeFileSync(keyFile, formatSessionKey(key), { mode: 0o600 });
  await system.singularity.pool.query("select public.add_session_key($1, $2, $3, true)", [
    key.keyId,
    key.alg,
    await publicBytesOf(key),
  ]);
  await prepareForCapture(system);
  environment = {
    ...environmentOf(system),
    LOG_LEVEL: "trace",
    SESSION_PRIVATE_KEYS_FILE: keyFile,
    CONSUMER_MAX_ATTEMPTS: "2",
    CDC_ENABLED: "true",
  };
}, 30_000);

afterAll(async () => {
  await dropSlots(system);
  rmSync(directory, { recursive: true });
});

/** What must come out nowhere, with a name for each. */
function forbidden(): readonly (readonly [string, string])[] {
  const lines = readFileSync(keyFile, "utf8").match(/[A-Za-z0-9+/=]{60,}/g) ?? [];
  const server = new URL(system.singularity.url).password;
  return [
    ...Object.entries(secrets),
    ["the server's password", server],
    ...lines.map((line, index) => [`line ${index} of the private key`, line] as const),
  ];
}

function find(text: string): readonly string[] {
  return forbidden().flatMap(([name, secret]) => (text.includes(secret) ? [name] : []));
}

/** Runs a command as what it is called, and keeps what it writes, which is something. */
async function keep(
  name: string,
  words: readonly string[],
  given: Readonly<Record<string, string>>,
): Promise<void> {
  // Only this one logs, which it does past the streams of its process.
  const run = words[0] === "drain" ? runCommandAlone : runCommand;
  const { stdout, stderr } = await run(words, given);
  expect(`${stdout}${stderr}`.trim(), name).not.toBe("");
  outputs.set(name, `${stdout}\n${stderr}`);
}

/** Each string and number of a message replaced by the marker, one after the other; and all kinds of junk. */
function spoiled(message: Readonly<Record<string, unknown>>): string[] {
  const each = Object.keys(message).flatMap((name) => [
    JSON.stringify({ ...message, [name]: content }),
    JSON.stringify({ ...message, [name]: { [content]: content } }),
  ]);
  return [
    ...each,
    JSON.stringify(content),
    JSON.stringify(JSON.stringify({ [content]: content })),
    JSON.stringify(`{"broken": "${content}`),
    JSON.stringify({ [content]: content }),
    JSON.stringify([content]),
  ];
}

const good = {
  pattern: {
    agent_id: content,
    pattern: { type: content },
    learned_at: "2025-10-25T10:00:00Z",
    confidence: 0.9,
    source: content,
  },
  knowledge: {
    agents_updated: 1,
    total_patterns: 1,
    updated_at: "2025-10-25T10:00:00Z",
    agents: [{ agent_id: content, pattern_count: 1, confidence: 0.5 }],
  },
};

/** Refuses rows in every way that quotes them. */
async function layTraps(): Promise<void> {
  await system.central.pool.query(`
    create function central.trap_of_test() returns trigger language plpgsql as $$
    declare v_kind text := new.pattern ->> 'trap';
    begin
      if v_kind = 'raise' then raise exception 'refused: %', new.pattern; end if;
      if v_kind = 'cast' then perform (new.pattern ->> 'type')::integer; end if;
      if v_kind = 'unknown' then
        raise exception 'refused: %', new.pattern using errcode = 'XX000', detail = new.pattern::text;
      end if;
      return new;
    end $$;
    create trigger trap_of_test before insert on central.patterns
      for each row execute function central.trap_of_test();
    alter table central.patterns add constraint trap_of_test check (pattern ->> 'trap' <> 'check')`);
  await system.singularity.pool.query(`
    create function public.trap_of_test() returns trigger language plpgsql as $$
    begin
      perform new.agent_id::integer;
      return new;
    end $$;
    create trigger trap_of_test before insert or update on public.learned_patterns
      for each row execute function public.trap_of_test();
    insert into public.analysis_results (agent_id, result) values ('${content}', '{"type":"${content}"}')`);
}

async function sendEverything(): Promise<number> {
  const queues = queuesOf(system);
  const { singularity } = system;
  const trapped = ["raise", "cast", "unknown", "check"].map((trap) =>
    JSON.stringify({ ...good.pattern, pattern: { type: content, trap } }),
  );
  const sealed = await sealState(singularity, JSON.stringify({ text: secrets.plaintext }));
  const session = JSON.parse(sessionMessage({ agent_id: content, sealed }));
  const badSeals = [
    { ...sealed, key_id: content },
    { ...sealed, alg: content },
    { ...sealed, data: Buffer.from(content).toString("base64") },
    { ...sealed, data: `${sealed.data.slice(0, -8)}AAAAAAA=` },
  ].map((bad) => JSON.stringify({ ...session, sealed: bad }));
  const large = JSON.stringify({ ...good.pattern, source: content.repeat(70_000) });
  const bodies = {
    [patterns]: [JSON.stringify(good.pattern), large, ...trapped, ...spoiled(good.pattern)],
    [sessions]: [JSON.stringify(session), ...badSeals, ...spoiled(session)],
    [knowledge]: [JSON.stringify(good.knowledge), ...spoiled(good.knowledge)],
  };
  for (const [queue, list] of Object.entries(bodies)) await queues.sendBatch(queue, list);
  await singularity.pool.query(`update pgmq."q_${patterns}" set headers = $1 where msg_id = 1`, [
    JSON.stringify({ message_id: content, traceparent: content, [content]: content }),
  ]);
  await singularity.pool.query(
    "insert into public.agent_sessions (agent_id, state) values ($1, $2)",
    [content, JSON.stringify({ text: secrets.plaintext })],
  );
  return Object.values(bodies).flat().length;
}

function portOf(command: RunningCommand): string | undefined {
  return /port (\d+)/.exec(command.output())?.[1];
}

function argumentsOf({ child }: RunningCommand): string {
  const path = `/proc/${child.pid}/cmdline`;
  return existsSync(path) ? readFileSync(path, "utf8").replaceAll("\0", " ") : "";
}

async function fetchText(port: string | undefined, path: string): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
}

async function finish(name: string, command: RunningCommand): Promise<void> {
  command.child.kill("SIGTERM");
  const { stdout, stderr } = await command.finished;
  outputs.set(name, `${stdout}\n${stderr}`);
}

describe("what must not come out", () => {
  test("is met by all that runs for long, in good times and bad", async () => {
    const wrong = new URL(system.singularity.url);
    wrong.password = secrets.password;
    const nowhere = `postgres://somebody:${secrets.password}@127.0.0.1:1/nothing`;
    await layTraps();
    const count = await sendEverything();
    await system.singularity.pool.query(
      "update centralcloud_migrations.objects set applied_at = now() - interval '1 day'",
    );

    const consumer = startCommand(["consume"], environment);
    const scheduler = startCommand(["scheduler"], environment);
    const troubled = startCommand(["consume"], {
      ...environment,
      SOURCE_DATABASE_URLS: `${nowhere} ${wrong.href}`,
      CENTRAL_DATABASE_URL: nowhere,
    });
    const waiting = startCommand(["scheduler"], {
      ...environment,
      SOURCE_DATABASE_URLS: `${nowhere} ${wrong.href}`,
    });
    const all = { consumer, scheduler, troubled, waiting };
    try {
      await until("a job to fail", () => scheduler.output().includes("job-failed"));
      const { rows } = await system.singularity.pool.query(
        "select error from job_runs where status = 'failed'",
      );
      expect(rows[0]?.error, "the job's error quotes the row").toContain(content);
      await until("all messages to be decided", async () => {
        const { rows } = await system.singularity.pool.query<{ done: number }>(
          `select (select count(*) from pgmq."a_${patterns}")::integer
                + (select count(*) from pgmq."a_${sessions}")::integer
                + (select count(*) from pgmq."a_${knowledge}")::integer
                + (select count(*) from pgmq."q_${patterns}-dlq")::integer
                + (select count(*) from pgmq."q_${sessions}-dlq")::integer
                + (select count(*) from pgmq."q_${knowledge}-dlq")::integer as done`,
        );
        return (rows[0]?.done ?? 0) >= count && consumer.output().includes(`"reason":"failed"`);
      });
      await until("a slot", () => consumer.output().includes("capture-reading"));
      await system.singularity.pool.query("insert into public.agents (agent_id) values ($1)", [
        `${content} as an agent`,
      ]);
      await until("changes to be captured", () => consumer.output().includes("changes-recorded"));
      // Here and not below, because it waits for what was written to be captured.
      await keep("reconcile", ["reconcile", "--json"], environment);
      await until(
        "the faults",
        () =>
          /not-authorized|28P01/.test(troubled.output()) && /ECONNREFUSED/.test(troubled.output()),
      );
      for (const [name, command] of Object.entries(all)) {
        outputs.set(`arguments of ${name}`, argumentsOf(command));
      }
      for (const path of ["/healthz", "/readyz", "/metrics"]) {
        outputs.set(path, await fetchText(portOf(consumer), path));
        outputs.set(`${path} in trouble`, await fetchText(portOf(troubled), path));
      }
    } finally {
      for (const [name, command] of Object.entries(all)) await finish(name, command);
    }
    for (const reason of ["rejected", "failed", "unreadable", "invalid", "too-large"]) {
      expect(outputs.get("consumer")).toContain(`"reason":"${reason}"`);
    }
    expect(outputs.get("consumer")).toContain("delivery-failed");
  }, 90_000);

  test("is met by what operators look at and do", async () => {
    const trouble = {
      SOURCE_DATABASE_URLS: `postgres://postgres:${secrets.password}@${new URL(system.singularity.url).host}/${system.singularity.name}`,
      CENTRAL_DATABASE_URL: `postgres://x:${secrets.password}@127.0.0.1:1/x`,
    };
    const malformed = {
      SOURCE_DATABASE_URLS: `postgres://x:${secrets.password}@:::/x`,
      CENTRAL_DATABASE_URL: `http://x:${secrets.password}@host/x`,
      SESSION_PRIVATE_KEYS: `{"key_id":"${secrets.password}","alg":"openpgp","private_key":"${content}"}`,
    };
    const { SESSION_PRIVATE_KEYS_FILE: _, ...withoutKey } = environment;
    const commands = [
      ["queues"],
      ["queues", "--json"],
      ["doctor"],
      ["doctor", "--json"],
      ["keys", "list"],
      ["dlq", "replay", "--all", "--dry-run", "--reason", "a test"],
      ["cdc", "status"],
      ["reconcile", "--json"],
      ["migrate"],
      ["drain", "--timeout", "5"],
    ];
    const inGoodTimes = async () => {
      for (const words of commands) {
        if (words[0] !== "reconcile") await keep(words.join(" "), words, environment);
      }
    };
    await Promise.all([
      inGoodTimes(),
      // These reach no database that they could change.
      ...commands.flatMap((words) => [
        keep(`${words.join(" ")}, in trouble`, words, { ...environment, ...trouble }),
        keep(`${words.join(" ")}, malformed`, words, { ...withoutKey, ...malformed }),
      ]),
    ]);
    const another = join(directory, "another.json");
    const generate = ["keys", "generate", "--key-id", "another", "--out", another];
    await keep("keys generate", generate, environment);
    await keep("keys add", ["keys", "add", "--from", another], environment);
    expect(outputs.size).toBeGreaterThan(40);
  }, 120_000);

  test("came out nowhere", () => {
    const found = [...outputs].flatMap(([name, text]) =>
      find(text).map((what) => `${what} in ${name}`),
    );
    expect(found).toEqual([]);
  });
});

describe("the search would find it", () => {
  test("in the commands that are there to show it", async () => {
    for (const words of [["export"], ["list", "--groups"], ["list", "--json"]]) {
      const { stdout } = await runCommand(["dlq", ...words], environment);
      expect(find(stdout), words.join(" ")).toEqual(["content"]);
    }
    const words = ["keys", "generate", "--key-id", "k", "--out", keyFile, "--print"];
    rmSync(keyFile);
    const { stdout } = await runCommand(words, environment);
    expect(find(stdout)).toContainEqual(expect.stringMatching(/of the private key$/));
  });

  test("in a URL, and in what PostgreSQL says of a refused row", async () => {
    expect(find(`postgres://x:${secrets.password}@host/x`)).toEqual(["password"]);
    expect(find(system.central.url)).toEqual(["the server's password"]);
    const { rows } = await system.singularity.pool.query<{ text: string }>(
      `select string_agg(message::text, ' ') as text from pgmq."q_${patterns}-dlq"
        where message ->> 'reason' in ('rejected', 'failed')`,
    );
    expect(find(rows[0]?.text ?? "")).toEqual(["content"]);
    const { rows: errors } = await system.singularity.pool.query<{ message: string }>(
      `select message -> 'error' ->> 'message' as message from pgmq."q_${patterns}-dlq"
        where message ->> 'reason' in ('rejected', 'failed')`,
    );
    expect(errors.filter(({ message }) => message.includes(content)).length).toBeGreaterThanOrEqual(
      3,
    );
  });
});
