import { randomBytes } from "node:crypto";
import { createConsumer } from "@centralcloud/consumer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { configurationFor, queuesOf } from "../support/consumer.ts";
import {
  dropTestDatabase,
  openTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import { examine, problem } from "../support/doctor.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import type { Observation } from "../support/observations.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";
const encodings = ["LATIN1", "SQL_ASCII", "EUC_JP"] as const;
const databases = new Map<string, TestDatabase>();

beforeAll(async () => {
  for (const encoding of encodings) {
    const name = `other_${randomBytes(6).toString("hex")}`;
    await system.singularity.pool.query(
      `create database ${name} encoding '${encoding}' locale 'C' template template0`,
    );
    databases.set(encoding, openTestDatabase(name));
  }
});
afterAll(async () => {
  for (const database of databases.values()) await dropTestDatabase(database);
});

function urlOf(encoding: string): string {
  return databases.get(encoding)?.url ?? "";
}

test.each(encodings)("a database in %s is refused by migrate, in words", async (encoding) => {
  for (const [variable, side] of [
    ["SOURCE_DATABASE_URLS", "singularity"],
    ["CENTRAL_DATABASE_URL", "central"],
  ] as const) {
    const environment = { ...environmentOf(system), [variable]: urlOf(encoding) };
    const { exitCode, stderr } = await runCommand(["migrate", "--only", side], environment);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringMatching(
        new RegExp(`of the database ${databases.get(encoding)?.name} is ${encoding}`),
      ),
    });
  }
});

test.each(encodings)("the doctor finds a database in %s", async (encoding) => {
  const findings = await examine(system, { centralUrl: urlOf(encoding) });
  expect(findings).toContainEqual(
    problem("error", new RegExp(`^its encoding is ${encoding}`), /encoding 'UTF8'/),
  );
  const asSource = await examine(system, { sourceUrls: [urlOf(encoding)] });
  expect(asSource.filter(({ check }) => check === "encoding")).toEqual([
    problem("error", new RegExp(`^its encoding is ${encoding}`), /encoding 'UTF8'/),
    expect.objectContaining({ severity: "ok" }),
  ]);
});

test("what the central database can't store is not the message's fault", async () => {
  await queuesOf(system).sendBatch(queue, [patternMessage()]);
  const observations: Observation[] = [];
  const consumer = createConsumer(
    configurationFor(system, { centralUrl: urlOf("LATIN1") }),
    (observation) => void observations.push(observation),
  );
  await consumer.start();
  try {
    const fault = await until("a fault", () =>
      observations.find((one): one is never => one.event === "lane-fault"),
    );
    expect(fault).toMatchObject({
      side: "central",
      kind: "not-migrated",
      error: expect.stringMatching(/the encoding of the database \w+ is LATIN1/),
    });
    expect(consumer.health().ready).toBe(false);
    expect(await queuesOf(system).isEmpty(queue)).toBe(false);
    expect(await queuesOf(system).isEmpty(`${queue}-dlq`)).toBe(true);
  } finally {
    await consumer.stop();
  }
});
