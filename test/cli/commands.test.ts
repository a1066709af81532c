import { expect, test } from "vitest";
import { environmentOf, runCommandAlone, startCommand } from "../support/command.ts";
import { queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
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
])("%s is wrong usage", async (_, words) => {
  const { exitCode, stdout, stderr } = await runCommandAlone(words, environmentOf(system));
  expect(exitCode).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^error: /);
});

test.each(["migrate", "drain", "queues"])(
  "%s says which database can't be reached",
  async (command) => {
    const { exitCode, stderr } = await runCommandAlone([command], {
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

test("queues tells what waits, what is in flight and what is dead", async () => {
  const queues = queuesOf(system);
  const queue = "centralcloud-new-patterns";
  await queues.sendBatch(queue, [patternMessage(), patternMessage(), patternMessage()]);
  await queues.send(`${queue}-dlq`, "{}");
  await system.singularity.pool.query("select pgmq.read($1, 60, 1)", [queue]);
  const { exitCode, stdout, stderr } = await runCommandAlone(
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
    { ...rest, queue: "agent-sessions" },
    { ...rest, queue: "agent-knowledge-updates" },
  ]);
  const table = await runCommandAlone(["queues"], environmentOf(system));
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

test("consume waits for a source that is not migrated yet, and readiness says so", async () => {
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
    const report = (await answer.json()) as { sources: { waitingFor?: string }[] };
    return report.sources[0]?.waitingFor === undefined
      ? { status: answer.status, report }
      : undefined;
  });
  expect(response.status).toBe(503);
  expect(response.report.sources[1]?.waitingFor).toMatch(/identity|singularity_source/);
  child.kill("SIGINT");
  expect((await finished).exitCode).toBe(0);
});
