import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { createTestDatabase, dropTestDatabase, useSystem } from "../support/databases.ts";
import { putDeadLetter } from "../support/dead-letters.ts";
import { type Poison, poisonRelations, poisons, relationsOf } from "../support/hostile-source.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { createLogin, dropLogin, type Login, openAs } from "../support/logins.ts";
import { runCommand } from "../support/run-command.ts";

/*
 * Whoever owns a source puts views in place of everything that we read there: rows without end, texts of a megabyte,
 * statements that never end, notices, errors of megabytes, nulls of other types. Each command ends in its time nevertheless, names that source, and shows what the others have.
 */

const system = useSystem();
failOnLeaks(system);
const megabyte = 1024 * 1024;
let owner: Login;
let deadLetter = "";
beforeAll(async () => {
  owner = await createLogin(inject("serverUrl"), "superuser");
  deadLetter = await putDeadLetter(system.singularity);
  await system.singularity.pool.query(
    "insert into session_keys (key_id, algorithm, public_key) values ('key-of-test', 'openpgp', '\\x00')",
  );
});
afterAll(() => dropLogin(inject("serverUrl"), owner));

/** What asks each source, and what it shows of the good one. */
const commands = (): readonly (readonly [words: readonly string[], shown: string])[] => [
  [["queues"], system.singularity.name],
  [["jobs"], system.singularity.name],
  [["keys", "list"], "key-of-test"],
  [["dlq", "list"], system.singularity.name],
  [["dlq", "groups"], "1 ×"],
  [["dlq", "show", deadLetter], "history"],
  [["cdc", "status"], system.singularity.name],
];

const timeoutS = 3;

const kinds = Object.keys(poisons) as Poison[];
const places = ["its identity", "all but its identity"] as const;
const cases = kinds.flatMap((poison) => places.map((place) => [poison, place] as const));

test.each(cases)("%s in place of %s harm no other source", async (poison, place) => {
  const hostile = await createTestDatabase("source");
  const { pool } = openAs(owner, hostile);
  const relations = (await relationsOf(pool)).filter(
    ({ name }) => (name === "singularity_source") === (place === "its identity"),
  );
  expect(relations.length).toBeGreaterThan(place === "its identity" ? 0 : 30);
  await poisonRelations(pool, relations, poison);
  await pool.end();
  const environment = environmentOf(system);
  const both = {
    ...environment,
    SOURCE_DATABASE_URLS: `${hostile.url} ${environment.SOURCE_DATABASE_URLS}`,
  };
  const before = process.memoryUsage().rss;
  try {
    const outcomes = commands().map(async ([words, shown]) => {
      const startedAt = performance.now();
      const { exitCode, stdout, stderr } = await runCommand(
        [...words, "--timeout", `${timeoutS}s`],
        both,
      );
      const what = words.join(" ");
      // Not every command reads what a poison has no effect on; what it did not get, it tells.
      expect(exitCode, what).toBeOneOf(poison === "endless" ? [0, 3] : [0, 1, 3]);
      if (exitCode !== 0) expect(stderr, what).toContain(hostile.name);
      if (place === "its identity") expect(exitCode, what).not.toBe(0);
      expect(stdout, what).toContain(shown);
      expect(performance.now() - startedAt, what).toBeLessThan(1_000 * (timeoutS + 7));
      return exitCode;
    });
    const exitCodes = await Promise.all(outcomes);
    if (poison !== "nulls") expect(exitCodes.filter((code) => code !== 0)).not.toHaveLength(0);
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * megabyte);
  } finally {
    await dropTestDatabase(hostile);
  }
});
