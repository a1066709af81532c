import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { createTestDatabase, dropTestDatabase, useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";

/* Where the command line finds the databases of `npm start`, and what it says of them. */

const system = useSystem();
failOnLeaks(system);
let folder = "";
let file = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "centralcloud-local-"));
  file = join(folder, ".data", "centralcloud.env");
  await mkdir(join(folder, ".data", "postgres"), { recursive: true });
});
afterEach(() => rm(folder, { recursive: true }));

/** As `npm start` writes them while it runs. */
async function writeAddresses(more: Record<string, string> = {}): Promise<void> {
  const { CONSUMER_HTTP_PORT: _, ...addresses } = environmentOf(system);
  const lines = Object.entries({ ...addresses, ...more }).map(
    ([name, value]) => `${name}="${value}"`,
  );
  await writeFile(file, `${lines.join("\n")}\n`);
}

const here = (words: readonly string[], environment: Record<string, string> = {}) =>
  runCommand(words, { INIT_CWD: join(folder, "somewhere", "below"), ...environment });

test("databases of the environment that are those of npm start leave the rest of them as it is", async () => {
  await writeAddresses();
  const url = system.singularity.url.replace("127.0.0.1", "localhost");
  for (const given of [
    {},
    { SOURCE_DATABASE_URLS: url },
    { CENTRAL_DATABASE_URL: system.central.url },
  ]) {
    const status = await here(["cdc", "status", "--json"], given);
    expect(status).toMatchObject({ exitCode: 0, stderr: "" });
    expect(JSON.parse(status.stdout)).toMatchObject([{ source: system.singularity.name }]);
  }
});

describe("another source in the environment", () => {
  test("is never put together with the central store of npm start, and it is said what is left out", async () => {
    await writeAddresses();
    const other = await createTestDatabase("source");
    const { exitCode, stdout, stderr } = await here(["drain", "--timeout", "5"], {
      SOURCE_DATABASE_URLS: other.url,
    }).finally(() => dropTestDatabase(other));
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toContain(
      `${file} is left out, which has CENTRAL_DATABASE_URL: SOURCE_DATABASE_URLS of the environment names another system`,
    );
    expect(stderr).toMatch(/^CENTRAL_DATABASE_URL: /m);
  });

  test("is asked by commands that need no more, which say the same", async () => {
    await writeAddresses({ SESSION_PRIVATE_KEYS_FILE: "/nowhere/ring.json" });
    const other = await createTestDatabase("source");
    const listed = await here(["keys", "list"], { SOURCE_DATABASE_URLS: other.url });
    await dropTestDatabase(other);
    expect(listed.exitCode).toBe(0);
    expect(listed.stderr).toContain("which has CENTRAL_DATABASE_URL and SESSION_PRIVATE_KEYS_FILE");
  });

  test("together with a central store is a system of its own: nothing is said", async () => {
    await writeAddresses();
    const environment = environmentOf(system);
    const listed = await here(["queues"], environment);
    expect(listed).toMatchObject({ exitCode: 0, stderr: "" });
  });
});

describe("npm start that does not run any more", () => {
  test("is what is said where its addresses are there still, and nobody answers", async () => {
    await writeAddresses({
      SOURCE_DATABASE_URLS: "postgres://user:hunter2@127.0.0.1:1/singularity",
      CENTRAL_DATABASE_URL: "postgres://user:hunter2@127.0.0.1:1/centralcloud",
    });
    for (const words of [["queues"], ["cdc", "status"], ["doctor"], ["migrate"], ["dlq", "list"]]) {
      const { exitCode, stderr } = await here(words);
      expect({ words, exitCode, stderr }).toEqual({
        words,
        exitCode: 3,
        stderr: expect.stringContaining(`the addresses are those of ${file}: npm start`),
      });
    }
  });

  test("is what is said where its addresses are gone, and none are given", async () => {
    const { exitCode, stderr } = await here(["queues"]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^SOURCE_DATABASE_URLS: /m);
    expect(stderr).toContain(`npm start has run in ${folder}, and does not now`);
  });

  test("is nobody's business where the databases are others", async () => {
    const { exitCode, stderr } = await here(["queues"], {
      SOURCE_DATABASE_URLS: "postgres://127.0.0.1:1/other",
    });
    expect(exitCode).toBe(3);
    expect(stderr).not.toContain("npm start");
  });
});

test("jobs tells by which schedule npm start runs a job", async () => {
  const own = "learn-patterns-every-5min=*/5 * * * * *; update-knowledge-hourly=*/15 * * * * *";
  await writeAddresses({ NPM_START_SCHEDULES: own });
  const { stdout } = await here(["jobs"]);
  expect(stdout).toMatch(/learn-patterns-every-5min +\*\/5 \* \* \* \* \* \(npm start\)/);
  expect(stdout).toMatch(/assign-tasks-every-2min +\*\/2 \* \* \* \* {2}/);
  const jobs = JSON.parse((await here(["jobs", "--json"])).stdout) as { job: string }[];
  expect(jobs.find(({ job }) => job === "update-knowledge-hourly")).toMatchObject({
    schedule: "0 * * * *",
    localSchedule: "*/15 * * * * *",
  });
});
