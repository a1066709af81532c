import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Side } from "@centralcloud/postgres";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../../tools/capacity/figures.ts";
import { centralContent } from "../support/central-content.ts";
import { drainAll, queuesOf } from "../support/consumer.ts";
import { createTestDatabase, dropTestDatabase, type TestDatabase } from "../support/databases.ts";
import { patterns } from "../support/dead-letters.ts";
import { patternMessage } from "../support/messages.ts";

/** The statement of docs/capacity.md. */
const rollUp = /```sql\n([\s\S]*?)```/.exec(
  readFileSync(join(root, "docs/capacity.md"), "utf8"),
)?.[1];

let sources: TestDatabase[];
let whole: TestDatabase;
let regions: TestDatabase[];
let top: TestDatabase;

beforeAll(async () => {
  const many = (side: Side, count: number) =>
    Promise.all(Array.from({ length: count }, () => createTestDatabase(side)));
  sources = await many("source", 3);
  regions = await many("central", 2);
  whole = await createTestDatabase("central");
  top = await createTestDatabase();
});
afterAll(async () => {
  for (const database of [...sources, whole, top, ...regions]) await dropTestDatabase(database);
});

/** Patterns that sources share or not, seen by agents of the same names, with confidences of any number of digits. */
function messagesOf(source: number): string[] {
  return Array.from({ length: 400 }, (_, number) =>
    patternMessage({
      agent_id: `agent-${number % 5}`,
      pattern: { number: (number * (source + 1)) % 130, exact: 0.1 },
      confidence: Number((((number * 37 + source) % 1_000) / 1_000).toFixed(number % 4)),
      learned_at: new Date(1_761_386_400_000 + ((number * 7_919) % 1_000) * 1_000).toISOString(),
    }),
  );
}

test("regions that are rolled up say, byte for byte, what one store says that merged everything", async () => {
  for (const [index, singularity] of sources.entries()) {
    const region = regions[index % regions.length];
    for (const central of [region, whole]) {
      if (central === undefined) throw new Error("no region");
      await queuesOf({ singularity, central }).sendBatch(patterns, messagesOf(index));
      await drainAll({ singularity, central });
    }
  }
  await top.pool.query(
    "create extension postgres_fdw; create schema rolled_up; create schema regions",
  );
  for (const [index, { name, url }] of regions.entries()) {
    const { hostname, port, username, password } = new URL(url);
    const literal = (text: string) => pg.escapeLiteral(decodeURIComponent(text));
    await top.pool.query(
      `create server region_${index} foreign data wrapper postgres_fdw
         options (host ${literal(hostname)}, port ${literal(port)}, dbname ${literal(name)});
       create user mapping for current_user server region_${index}
         options (user ${literal(username)}, password ${literal(password)});
       create schema region_${index};
       import foreign schema central limit to (patterns) from server region_${index} into region_${index}`,
    );
  }
  const together = regions.map((_, index) => `select * from region_${index}.patterns`);
  await top.pool.query(`create view regions.patterns as ${together.join(" union all ")}`);
  await top.pool.query(rollUp ?? "");
  const { rows } = await top.pool.query<{ line: string }>(
    "select t::text as line from rolled_up.patterns t order by fingerprint",
  );
  const { patterns: expected } = await centralContent(whole.pool);
  expect(expected?.length).toBeGreaterThan(100);
  expect(rows.map(({ line }) => line)).toEqual(expected);
});
