import { queueNames } from "@centralcloud/contracts";
import { checkNames, diagnose } from "@centralcloud/doctor";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createTestDatabase, dropTestDatabase, useSystem } from "../support/databases.ts";
import { poisonRelations, relationsOf } from "../support/hostile-source.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { createLogin, dropLogin, type Login, openAs } from "../support/logins.ts";

const system = useSystem();
failOnLeaks(system);
let owner: Login;
beforeAll(async () => {
  owner = await createLogin(inject("serverUrl"), "superuser");
});
afterAll(() => dropLogin(inject("serverUrl"), owner));

test("a source at which nothing ends costs the doctor its time once, and it says what it did not check", async () => {
  const hostile = await createTestDatabase("source");
  try {
    const { pool } = openAs(owner, hostile);
    await poisonRelations(pool, await relationsOf(pool), "endless");
    await pool.end();
    const databaseS = 3;
    const startedAt = performance.now();
    const { findings, unreachable } = await diagnose({
      sourceUrls: [hostile.url, system.singularity.url],
      centralUrl: system.central.url,
      queues: queueNames,
      limits: { databaseS },
    });
    // Beside it, the others are looked at; their checks take seconds on a busy machine.
    expect(performance.now() - startedAt).toBeLessThan(1_000 * databaseS + 12_000);
    expect(unreachable).toEqual([]);
    const notChecked = findings.filter(({ message }) => message.startsWith("it was not checked"));
    expect(notChecked.length).toBeGreaterThan(3);
    for (const { check, database, severity, message } of notChecked) {
      expect(checkNames).toContain(check);
      expect(database).toContain(hostile.name);
      expect(severity).toBe("error");
      expect(message).toContain("had used up their 3 seconds");
    }
    const ofGood = findings.filter(({ database }) => database.includes(system.singularity.name));
    expect(ofGood.filter(({ severity }) => severity === "ok").length).toBeGreaterThan(10);
  } finally {
    await dropTestDatabase(hostile);
  }
});
