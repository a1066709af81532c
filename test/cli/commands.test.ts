import { readFile } from "node:fs/promises";
import { queueNames } from "@centralcloud/contracts";
import { expect, test } from "vitest";
import { environmentOf, runCommandAlone, startCommand } from "../support/command.ts";
import { queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);

test("every mistake in the configuration is told at once, without the secret in it", async () => {
  const { exitCode, stderr } = await runCommandAlone(["consume"], {
    SOURCE_DATABASE_URLS: "mysql://user:hunter2@host/db",
    CENTRAL_DATABASE_URL_FILE: "/nowhere/central-url",
    CONSUMER_BATCH_SIZE: "0",
    CONSUMER_HTTP_PORT: "http",
    LOG_LEVEL: "loud",
  });
  expect(exitCode).toBe(2);
  expect(stderr.trim().split("\n")).toEqual([
    "CENTRAL_DATABASE_URL: the file that CENTRAL_DATABASE_URL_FILE names can't be read (ENOENT)",
    "SOURCE_DATABASE_URLS: URL 1 of 1 must look like postgres://user@host:5432/database",
    "CONSUMER_BATCH_SIZE: must be a whole number from 1 to 10000",
    "CONSUMER_HTTP_PORT: must be a whole number from 0 to 65535",
    "LOG_LEVEL: must be one of fatal, error, warn, info, debug, trace, silent",
  ]);
  expect(stderr).not.toContain("hunter2");
});

test.each([
  ["an unknown command", ["consum"]],
  ["an unknown option", ["queues", "--yaml"]],
  ["a bad value", ["drain", "--timeout", "soon"]],
  ["a bad choice", ["migrate", "--only", "both"]],
  ["help on an unknown command", ["nonsense", "--help"]],
  ["help on an unknown command of a group", ["dlq", "nonsense", "-h"]],
  ["help on an unknown command beside an action", ["jobs", "nonsense", "--help"]],
])("%s is wrong usage", async (_, words) => {
  const { exitCode, stdout, stderr } = await runCommand(words, environmentOf(system));
  expect(exitCode).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^error: /);
});

test.each(["migrate", "drain", "queues"])(
  "%s says which database can't be reached",
  async (command) => {
    const { exitCode, stderr } = await runCommand([command], {
      SOURCE_DATABASE_URLS: "postgres://user:hunter2@127.0.0.1:1/nothing",
      CENTRAL_DATABASE_URL: system.central.url,
    });
    expect(exitCode).toBe(3);
    expect(stderr).toContain("127.0.0.1:1/nothing can't be reached");
    expect(stderr).not.toContain("hunter2");
  },
);

test("help is help, not an error", async () => {
  const { exitCode, stdout } = await runCommandAlone(["--help"], {});
  expect(exitCode).toBe(0);
  for (const command of ["migrate", "consume", "drain", "queues"])
    expect(stdout).toContain(command);
});

test("help on a command, and the version, are what was asked for", async () => {
  const { version } = JSON.parse(
    await readFile(new URL("../../apps/cli/package.json", import.meta.url), "utf8"),
  );
  expect(await runCommand(["--version"], {})).toEqual({
    exitCode: 0,
    stdout: `${version}\n`,
    stderr: "",
  });
  for (const words of [["dlq"], ["dlq", "list"], ["jobs", "run"]]) {
    const { exitCode, stdout, stderr } = await runCommand([...words, "--help"], {});
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toContain(`Usage: centralcloud ${words.join(" ")}`);
  }
});

test.each(["queues", "jobs", "keys list", "dlq list", "dlq list --groups"])(
  "%s says that there is nothing to show where no source answers, rather than nothing",
  async (command) => {
    const { exitCode, stdout } = await runCommand(command.split(" "), {
      SOURCE_DATABASE_URLS: "postgres://127.0.0.1:1/one postgres://127.0.0.1:1/two",
      CENTRAL_DATABASE_URL: system.central.url,
    });
    expect(exitCode).toBe(3);
    expect(stdout).toContain("no source answered");
    expect(stdout).toContain("unreachable: 127.0.0.1:1/one, 127.0.0.1:1/two");
    expect(stdout).not.toContain("(none)");
  },
);

test.each([
  ["dlq replay", [/--reason/, /selects every dead letter/]],
  ["dlq replay 1 --all --edit /nowhere/x", [/--reason/, /not both/, /--edit .*ENOENT/]],
  ["dlq discard 1 --code x", [/--reason/, /ids or filters/]],
  ["replay-archive", [/--reason/, /--from, --to, or --all/]],
  ["dlq import /nowhere/x", [/--reason/]],
])("%s without databases tells all that is missing at once", async (command, mistakes) => {
  const { exitCode, stdout, stderr } = await runCommand(command.split(" "), {});
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  const lines = stderr.trim().split("\n");
  const all = [...mistakes, /^SOURCE_DATABASE_URLS: /, /^CENTRAL_DATABASE_URL: /];
  expect(lines).toEqual(expect.arrayContaining(all.map((one) => expect.stringMatching(one))));
  expect(lines).toHaveLength(all.length);
});

test("queues tells what waits, what is in flight and what is dead", async () => {
  const queues = queuesOf(system);
  const queue = "centralcloud-new-patterns";
  await queues.sendBatch(queue, [patternMessage(), patternMessage(), patternMessage()]);
  await queues.send(`${queue}-dlq`, "{}");
  await system.singularity.pool.query("select pgmq.read($1, 60, 1)", [queue]);
  const { exitCode, stdout, stderr } = await runCommand(
    ["queues", "--json"],
    environmentOf(system),
  );
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  const source = system.singularity.name;
  const rest = {
    source,
    total: 0,
    inFlight: 0,
    available: 0,
    oldestAgeSeconds: null,
    deadLetters: 0,
  };
  expect(JSON.parse(stdout)).toEqual([
    {
      source,
      queue,
      total: 3,
      inFlight: 1,
      available: 2,
      oldestAgeSeconds: expect.any(Number),
      deadLetters: 1,
    },
    ...queueNames.slice(1).map((name) => ({ ...rest, queue: name })),
  ]);
  const table = await runCommand(["queues"], environmentOf(system));
  expect(table.stdout.split("\n")[1]).toMatch(/centralcloud-new-patterns +3 +1 +2 +\d+ +1$/);
  await queues.purge(queue);
});

test("consume merges what arrives, answers health checks, and SIGTERM ends it with nothing in flight", async () => {
  const queue = "centralcloud-new-patterns";
  const { child, output, finished } = startCommand(["consume"], environmentOf(system));
  const port = await until(
    "the port is in the log",
    () => /"detail":"port (\d+)"/.exec(output())?.[1],
  );
  const status = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  await until("it is ready", async () => (await status("/readyz")) === 200);
  expect(await status("/healthz")).toBe(200);
  expect(await status("/nothing")).toBe(404);

  await queuesOf(system).sendBatch(
    queue,
    Array.from({ length: 1_000 }, () => patternMessage()),
  );
  await until("the queue is empty", () => queuesOf(system).isEmpty(queue));
  await queuesOf(system).sendBatch(
    queue,
    Array.from({ length: 5_000 }, () => patternMessage()),
  );
  child.kill("SIGTERM");
  const { exitCode, stderr } = await finished;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect((await queuesOf(system).metrics(queue)).inFlight).toBe(0);
  await queuesOf(system).purge(queue);
});

test("consume waits for a source that is not migrated yet, and the body of its readiness says so", async () => {
  const { child, output, finished } = startCommand(["consume"], {
    ...environmentOf(system),
    SOURCE_DATABASE_URLS: `${system.singularity.url} ${system.central.url}`,
  });
  const port = await until(
    "the port is in the log",
    () => /"detail":"port (\d+)"/.exec(output())?.[1],
  );
  const response = await until("the healthy source is consumed", async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
    const report = (await answer.json()) as {
      ready: boolean;
      working: boolean;
      sources: { waitingFor?: string }[];
    };
    return answer.ok && report.sources[0]?.waitingFor === undefined ? report : undefined;
  });
  expect(response).toMatchObject({ ready: true, working: false });
  expect(response.sources[1]?.waitingFor).toMatch(/identity|singularity_source/);
  child.kill("SIGINT");
  expect((await finished).exitCode).toBe(0);
});
