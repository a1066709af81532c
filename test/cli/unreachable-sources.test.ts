import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { urlOf, useSystem } from "../support/databases.ts";
import { putDeadLetter } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";

const system = useSystem();
failOnLeaks(system);
const gone = "postgres://user:hunter2@127.0.0.1:1/gone";
let deadLetter = "";
beforeAll(async () => {
  deadLetter = await putDeadLetter(system.singularity);
});

/** The system's environment, with more sources before its own. */
function withSources(...urls: readonly string[]): Record<string, string> {
  const environment = environmentOf(system);
  const all = [...urls, environment.SOURCE_DATABASE_URLS].join(" ");
  return { ...environment, SOURCE_DATABASE_URLS: all };
}

const reading = (): [string, string[], (document: never) => unknown][] => [
  ["queues", ["queues"], ({ queues }: { queues: unknown }) => queues],
  ["jobs", ["jobs"], ({ jobs }: { jobs: unknown }) => jobs],
  ["keys list", ["keys", "list"], () => [1]],
  ["dlq list", ["dlq", "list"], ({ deadLetters }: { deadLetters: unknown }) => deadLetters],
  ["dlq groups", ["dlq", "groups"], ({ groups }: { groups: unknown }) => groups],
  ["cdc status", ["cdc", "status"], ({ sources }: { sources: unknown }) => sources],
  ["doctor", ["doctor"], ({ findings }: { findings: unknown }) => findings],
  ["trace", ["trace", "--message", "42"], ({ events }: { events: unknown }) => events],
];

describe.each(reading())("%s with a source that can't be reached", (_, words, rowsOf) => {
  test("shows the others, names it, and exits with 3", async () => {
    const json = await runCommand([...words, "--json"], withSources(gone));
    expect(json.exitCode).toBe(3);
    const document = JSON.parse(json.stdout);
    expect(document.unreachable).toEqual([
      { source: "127.0.0.1:1/gone", reason: expect.stringContaining("ECONNREFUSED") },
    ]);
    expect(rowsOf(document as never)).not.toEqual([]);
    const table = await runCommand(words, withSources(gone));
    expect(table.exitCode).toBe(3);
    expect(table.stderr).toContain("127.0.0.1:1/gone can't be reached: ");
    expect(table.stdout).toContain("127.0.0.1:1/gone");
    expect(table.stdout + table.stderr + json.stdout).not.toContain("hunter2");
  });
});

describe.each(reading())("%s --source", (_, words) => {
  test("asks that source alone, by name, id or address, whatever becomes of the others", async () => {
    const { rows } = await system.singularity.pool.query<{ id: string }>(
      "select source_id as id from singularity_source",
    );
    const { host, pathname } = new URL(system.singularity.url);
    for (const name of [system.singularity.name, rows[0]?.id ?? "", `${host}${pathname}`]) {
      const one = await runCommand([...words, "--source", name], withSources(gone));
      expect(one).toMatchObject({ exitCode: 0, stderr: "" });
      expect(one.stdout).not.toContain("unreachable");
    }
  });

  test("refuses one that does not exist, and says which there are", async () => {
    const unknown = await runCommand([...words, "--source", "another"], environmentOf(system));
    expect(unknown).toMatchObject({ exitCode: 2, stdout: "" });
    expect(unknown.stderr).toContain(
      `there is no source another; there are: ${system.singularity.name}`,
    );
    // It may be the one that does not answer.
    const unclear = await runCommand([...words, "--source", "another"], withSources(gone));
    expect(unclear.exitCode).toBe(3);
    expect(unclear.stderr).toContain("127.0.0.1:1/gone can't be reached");
  });
});

describe("a dead letter", () => {
  test("is shown although it might be somewhere else, too; the exit code says so", async () => {
    const shown = await runCommand(["dlq", "show", deadLetter], withSources(gone));
    expect(shown.exitCode).toBe(3);
    expect(shown.stdout).toMatch(/^dead letter +\d+ of centralcloud-new-patterns/);
    const missing = await runCommand(["dlq", "show", "999"], withSources(gone));
    expect(missing).toMatchObject({ exitCode: 3, stdout: "" });
    expect(missing.stderr).toContain("127.0.0.1:1/gone can't be reached");
  });

  test("is exported from where it can be; the exit code says that this is not all", async () => {
    const { exitCode, stdout, stderr } = await runCommand(["dlq", "export"], withSources(gone));
    expect(exitCode).toBe(3);
    expect(stdout.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain("127.0.0.1:1/gone can't be reached");
  });
});

describe("other ways of not answering", () => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  let silentUrl = "";
  beforeAll(async () => {
    await once(silent.listen(0, "127.0.0.1"), "listening");
    silentUrl = `postgres://user@127.0.0.1:${(silent.address() as AddressInfo).port}/silent`;
  });
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  test("a server that says nothing is waited for so long and no longer", async () => {
    const began = performance.now();
    const { exitCode, stdout, stderr } = await runCommand(
      ["queues", "--json", "--timeout", "1"],
      withSources(silentUrl),
    );
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/\/silent can't be reached: it did not answer within 1 second/);
    expect(JSON.parse(stdout).queues).toHaveLength(3);
    expect(performance.now() - began).toBeLessThan(4_000);
  });

  test("a lock that somebody holds on a queue is waited for so long and no longer", async () => {
    const client = await system.singularity.pool.connect();
    await client.query("begin");
    await client.query('lock table pgmq."q_agent-sessions"');
    const { exitCode, stderr } = await runCommand(
      ["queues", "--timeout", "1"],
      environmentOf(system),
    );
    await client.query("rollback");
    client.release();
    expect(exitCode).toBe(3);
    expect(stderr).toContain(`${system.singularity.name} can't be reached: it did not answer`);
  });

  test("a database that is not there counts as one that can't be reached", async () => {
    const { exitCode, stdout } = await runCommand(
      ["jobs", "--json"],
      withSources(urlOf("no_such_database")),
    );
    expect(exitCode).toBe(3);
    const { jobs, unreachable } = JSON.parse(stdout);
    expect(jobs).not.toEqual([]);
    expect(unreachable[0].source).toMatch(/\/no_such_database$/);
  });

  test("a database that is no source fails alone, with exit code 1", async () => {
    const { exitCode, stdout, stderr } = await runCommand(
      ["dlq", "list", "--json"],
      withSources(system.central.url),
    );
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/could not be asked: .*centralcloud migrate --only singularity/);
    const { deadLetters, failed, unreachable } = JSON.parse(stdout);
    expect(deadLetters).toHaveLength(1);
    expect(unreachable).toEqual([]);
    expect(failed).toHaveLength(1);
  });

  test("a job runs at the source that is named although another is down", async () => {
    const words = ["jobs", "run", "cleanup-job-runs-daily", "--source", system.singularity.name];
    expect((await runCommand(words, withSources(gone))).exitCode).toBe(0);
  });

  test("an action does nothing at all, and names every source that is missing", async () => {
    const { exitCode, stdout, stderr } = await runCommand(
      ["dlq", "discard", "--all", "--reason", "a test"],
      withSources(gone, "postgres://user@127.0.0.1:2/lost"),
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: "" });
    expect(stderr.trim().split("\n")).toEqual([
      expect.stringContaining("127.0.0.1:1/gone can't be reached"),
      expect.stringContaining("127.0.0.1:2/lost can't be reached"),
    ]);
  });
});
