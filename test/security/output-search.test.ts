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
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { publicBytesOf } from "../support/session-keys.ts";
import { until } from "../support/until.ts";
import {
  knowledge,
  layTraps,
  patterns,
  secrets,
  sendEverything,
  sessions,
} from "./marked-messages.ts";

/*
 * Runs everything that runs for long, and what operators look at, with the most talkative log, through good
 * messages and faults of all kinds; then searches all that came out for what must not be there. The control are commands
 * that are there to show it: `dlq export`, `dlq list`, which shows agents, and `keys generate --print`. They show that
 * it was there to be found. What is masked without `--reveal` is searched for in dlq/masked-output.test.ts.
 */

const system = useSystem();
failOnLeaks(system);

const { content } = secrets;

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
});

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
    await layTraps(system);
    const count = await sendEverything(system);
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
  });

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
      ["jobs", "--json"],
      ["dlq", "groups"],
      ["dlq", "groups", "--json"],
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
    // A list shows who a message is of, and that is the marker here.
    for (const words of [["export"], ["list", "--json"]]) {
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
