import { boundsOf, type MergeBatch, mergePatterns } from "@centralcloud/central";
import fc from "fast-check";
import type { Pool } from "pg";
import { beforeEach, expect, test } from "vitest";
import { patternText } from "../support/arbitrary-messages.ts";
import { centralContent, emptyCentral } from "../support/central-content.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { arbitraryDeliveries, batchesOf, sourceIds } from "../support/merge-cases.ts";
import { useConnections } from "../support/single-connection.ts";

const system = useSystem();
failOnLeaks(system);
const connections = useConnections(system, "central", 1);
const queue = "centralcloud-new-patterns";
const central = () => system.central.pool;

beforeEach(() => emptyCentral(central()));

/** As a source hands it on: the text of a jsonb. */
async function canonical(text: string): Promise<string> {
  const { rows } = await central().query<{ text: string }>("select $1::jsonb::text as text", [
    text,
  ]);
  return rows[0]?.text ?? "";
}

/** Sends the messages as they are, so that the server takes them apart. */
async function mergeWhole({ sourceId, messages }: MergeBatch): Promise<void> {
  await central().query("select central.merge_patterns($1, $2, $3, $4, $5)", [
    sourceId,
    queue,
    messages.map(({ msgId }) => msgId),
    messages.map(({ enqueuedAt }) => enqueuedAt),
    `[${messages.map(({ document }) => document).join()}]`,
  ]);
}

test("messages that were taken apart give the content of whole ones, byte for byte, whatever comes twice or together", async () => {
  const property = fc.asyncProperty(
    arbitraryDeliveries(queue, patternText),
    fc.boolean(),
    async ({ once, batches }, isCanonical) => {
      const texts = new Map<string, string>();
      for (const { message } of once) {
        const { msgId, document } = message;
        texts.set(msgId, isCanonical ? await canonical(document) : document);
      }
      const asSent = (batch: MergeBatch): MergeBatch => ({
        ...batch,
        messages: batch.messages.map((message) => ({
          ...message,
          document: texts.get(message.msgId) ?? "",
        })),
      });
      for (const batch of batchesOf(queue, once, [1000])) await mergeWhole(asSent(batch));
      const expected = await centralContent(central());
      await emptyCentral(central());
      await Promise.all([
        ...batches.map((batch, place) =>
          place % 3 === 0 ? mergeWhole(asSent(batch)) : mergePatterns(central(), asSent(batch)),
        ),
      ]);
      expect(await centralContent(central())).toEqual(expected);
      await emptyCentral(central());
    },
  );
  await fc.assert(property, { numRuns: 60 });
}, 120_000);

test("what a source's jsonb writes is taken apart, and its fingerprint is that of the stored pattern", async () => {
  const document = await canonical(
    JSON.stringify({
      agent_id: 'the "agent"\n',
      pattern: { b: [1, -0.5, null, true, [], {}], aa: "é\u0001\b/\\", a: 12, B: "日本" },
      learned_at: "2025-10-25T10:00:00",
      confidence: 0.95,
    }),
  );
  const message = { msgId: "1", enqueuedAt: "2025-10-25T10:00:00Z", document };
  const [connection] = connections;
  await connection?.query("set timezone = 'Asia/Tokyo'");
  await mergePatterns(connection as Pool, {
    sourceId: sourceIds[0] ?? "",
    queue,
    messages: [message],
  });
  const prepared = await connection?.query("select name from pg_prepared_statements");
  expect(prepared?.rows).toEqual([{ name: "merge_folded_patterns" }]);
  const { rows } = await central().query(
    `select p.fingerprint = sha256(convert_to(p.pattern::text, 'UTF8')) as true, a.agent_id,
            p.last_learned_at = '2025-10-25T10:00:00Z' as in_utc
       from central.patterns p join central.pattern_agents a using (fingerprint)`,
  );
  expect(rows).toEqual([{ true: true, agent_id: 'the "agent"\n', in_utc: true }]);
});

test("no text counts as jsonb's own that jsonb would write in another way", async () => {
  const spelled = fc.oneof(
    fc.json({ maxDepth: 3 }),
    fc.constantFrom(
      '{"a": 1, "a": 2}',
      '{"b": 1, "a": 2}',
      '{"aa": 1, "b": 2}',
      '{"a":1}',
      '{"a": 1,"b": 2}',
      '{"a": -0}',
      '{"a": -0.00}',
      '{"a": 1e2}',
      '{"a": 1E2}',
      '{"a": "\\u0041"}',
      '{"a": "\\/"}',
      '{"a": "\\u000A"}',
      '{"a": "\\u000a"}',
      '{"a": "\\u001F"}',
      '{"a": [1,2]}',
      '{"a": [1 , 2]}',
      '{ "a": 1}',
      '{"a": 1} ',
      '{"\\u0061": 1}',
    ),
  );
  const property = fc.asyncProperty(spelled, async (text) => {
    if (/\\u0000|\\u[dD][89a-fA-F]/.test(text)) return;
    if (boundsOf(text, []) !== undefined) expect(text).toBe(await canonical(text));
  });
  await fc.assert(property, { numRuns: 500 });
}, 120_000);

test("nearly all objects that jsonb writes count as its own", async () => {
  const key = fc
    .string({ unit: "grapheme-ascii", maxLength: 4 })
    .filter((text) => !/["\\]/.test(text));
  const object = fc.object({ maxDepth: 3, key });
  const property = fc.asyncProperty(object, async (value) => {
    const text = JSON.stringify(value);
    if (/\\u0000|\\u[dD][89a-fA-F]/.test(text)) return;
    expect(boundsOf(await canonical(text), [])).toBeDefined();
  });
  await fc.assert(property, { numRuns: 300 });
}, 120_000);
