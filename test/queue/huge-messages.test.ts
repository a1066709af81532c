import { afterEach, expect, test } from "vitest";
import { queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";

afterEach(() => system.singularity.pool.query(`truncate pgmq."q_${queue}"`));

const noise = "(select string_agg(md5(random()::text || n), '') from generate_series(1, 30000) n)";

async function readWith(maxMessageBytes: number) {
  const limits = { visibilityTimeoutS: 0, quantity: 10, maxBatchBytes: 4_000_000, maxMessageBytes };
  const messages = await queuesOf(system).read(queue, limits);
  return messages.map(({ bytes, withheld, body }) => ({ bytes, withheld, length: body?.length }));
}

test("a message far larger than allowed does not even become text", async () => {
  // Of escapes, whose text is six times their jsonb: with 200 MB of them, PostgreSQL could not hold it.
  await system.singularity.pool.query(
    `select pgmq.send($1, jsonb_build_array(${noise}, repeat(chr(1), 100000)))`,
    [queue],
  );
  const jsonb = 960_000 + 100_000;
  const text = 960_000 + 600_000;
  const [rendered] = await readWith(1_000_000);
  expect(rendered).toMatchObject({ withheld: "too-large", length: undefined });
  expect(rendered?.bytes).toBeGreaterThan(text);
  const [notRendered] = await readWith(100_000);
  expect(notRendered).toMatchObject({ withheld: "too-large", length: undefined });
  expect(notRendered?.bytes).toBeGreaterThan(jsonb);
  expect(notRendered?.bytes).toBeLessThan(jsonb + 1000);
  const [fetched] = await readWith(text + 1000);
  expect(fetched).toMatchObject({ withheld: null });
  expect(fetched?.length).toBeGreaterThan(text);
});

test("SQL null, small and compressible messages are fetched as they are", async () => {
  await system.singularity.pool.query("select pgmq.send($1, null::jsonb)", [queue]);
  await queuesOf(system).sendBatch(queue, ["{}", JSON.stringify("x".repeat(900_000))]);
  expect(await readWith(1_000_000)).toEqual([
    { bytes: 0, withheld: null, length: undefined },
    { bytes: 2, withheld: null, length: 2 },
    { bytes: 900_002, withheld: null, length: 900_002 },
  ]);
});
