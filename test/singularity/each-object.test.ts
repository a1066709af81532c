import { readFileSync } from "node:fs";
import { landedNameOf, readCatalogState, repairDrift } from "@centralcloud/db";
import { sides } from "@centralcloud/postgres";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Damage, damagesOf, damagesOfRights } from "../support/damage.ts";
import { createTestDatabase, dropTestDatabase, type TestDatabase } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

/*
 * Each object that a fresh migration makes is removed, and each of its properties changed, one by one, as the
 * manifest lists them; the doctor's comparison must name it, and what `migrate` does must bring it back.
 */

failOnLeaks();

/** Damages that PostgreSQL refuses. */
const refusals =
  /is in a primary key|because it references logged table|ALTER action SET (UN)?LOGGED cannot|part of the partition key|named in partition key|identity column|contains null values|hypertable/;

/** So many objects are a test: none takes long by itself. */
const objectsOfTest = 8;
/** Looking at a database takes as long for one damage as for several. */
const damagesOfLook = 12;

function nameOf({ object }: Damage): string {
  return object.replace(/^(materialized )?\w+ /, "");
}

/**
 * Damages that can be done together: of different objects, so that each is named for itself. What removes something
 * takes other things with it, and goes alone.
 */
function batchesOf(damages: readonly Damage[]): readonly (readonly Damage[])[] {
  const alone: Damage[][] = [];
  const together: Damage[][] = [];
  for (const damage of damages) {
    if (/cascade|drop |\$spoil\$/.test(damage.statement)) {
      alone.push([damage]);
      continue;
    }
    const clashes = (one: Damage) =>
      nameOf(one).includes(nameOf(damage)) || nameOf(damage).includes(nameOf(one));
    const batch = together.find((one) => one.length < damagesOfLook && !one.some(clashes));
    if (batch === undefined) together.push([damage]);
    else batch.push(damage);
  }
  return [...alone, ...together];
}

describe.each(sides)("%s", (side) => {
  const file = new URL(`../../packages/db/catalog/${landedNameOf(side)}.json`, import.meta.url);
  const { objects } = JSON.parse(readFileSync(file, "utf8")) as {
    objects: Readonly<Record<string, Readonly<Record<string, string>>>>;
  };
  const names = Object.keys(objects);
  const parts = Array.from({ length: Math.ceil(names.length / objectsOfTest) }, (_, part) =>
    names.slice(part * objectsOfTest, (part + 1) * objectsOfTest),
  );
  let database: TestDatabase;
  let client: pg.PoolClient;
  /** Damages that were done, not those that are refused. */
  let done = 0;

  beforeAll(async () => {
    database = await createTestDatabase(side);
    client = await database.pool.connect();
    expect(await readCatalogState(side, client)).toMatchObject({ isKnown: true });
  });
  afterAll(async () => {
    client.release(true);
    await dropTestDatabase(database);
  });

  test.each(parts)(
    "what is removed or changed of %s and others is named, and comes back",
    async (...part) => {
      const facts = Object.fromEntries(part.map((name) => [name, objects[name] ?? {}]));
      expect(await spoil(damagesOf(facts))).toEqual([]);
    },
  );

  if (side === "source") {
    test("rights on what is not ours are named, and come back", async () => {
      expect(await spoil(await damagesOfRights(client))).toEqual([]);
    });
  }

  test("all of it was done, and nothing is left of it", async () => {
    expect(await readCatalogState(side, client)).toMatchObject({ isKnown: true });
    // So that what is refused is not taken for what was done.
    expect(done).toBeGreaterThan(side === "central" ? 300 : 600);
  });

  async function spoil(damages: readonly Damage[]): Promise<string[]> {
    const failures: string[] = [];
    for (const batch of batchesOf(damages)) {
      if (await areRepairedTogether(batch)) continue;
      for (const damage of batch) failures.push(...(await spoilOne(damage)));
    }
    return failures;
  }

  async function spoilOne(damage: Damage): Promise<string[]> {
    await client.query("begin");
    try {
      await client.query(damage.statement);
      return await judge([damage]);
    } catch (error) {
      if (!refusals.test((error as Error).message)) throw error;
      return [];
    } finally {
      await client.query("rollback");
    }
  }

  /** Else each has to be looked at by itself. */
  async function areRepairedTogether(batch: readonly Damage[]): Promise<boolean> {
    if (batch.length === 1) return false;
    await client.query("begin");
    try {
      for (const { statement } of batch) await client.query(statement);
      return (await judge(batch)).length === 0;
    } catch {
      return false;
    } finally {
      await client.query("rollback");
    }
  }

  async function judge(damages: readonly Damage[]): Promise<string[]> {
    const state = await readCatalogState(side, client);
    const told = damages.map(({ what, statement }) => `${what} (${statement})`).join(", ");
    if (state?.isKnown) return [`${told}: it is taken for what it was`];
    const { repaired, remaining } = await repairDrift(side, client);
    const isNamed = damages.every((damage) => repaired.some((one) => one.includes(nameOf(damage))));
    if (!isNamed || remaining.length > 0)
      return [`${told}: ${JSON.stringify({ repaired, remaining })}`];
    done += damages.length;
    return [];
  }
});
