import { deadLetterSchema } from "@centralcloud/contracts";
import { afterEach, beforeAll, expect, test } from "vitest";
import { deadLettersOf, drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { deepestJson, nested } from "../support/deepest-json.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "centralcloud-new-patterns";

/** As deep as the server's stack lets it read: a level more, as a dead letter adds, is over it. */
let deepest: string;

beforeAll(async () => {
  deepest = nested(await deepestJson(system.singularity.pool));
});

afterEach(async () => {
  await system.singularity.pool.query(`truncate pgmq."q_${queue}-dlq"`);
});

/** Whether messages and headers are kept as the text of what was sent, oldest first. */
async function deadLettersInFull() {
  const { rows } = await system.singularity.pool.query(
    `select message ->> 'original_message' = $1 as message, message ->> 'original_headers' = $1 as headers,
            message -> 'as_text' as as_text, message ->> 'reason' as reason
       from pgmq."q_${queue}-dlq" order by (message ->> 'original_message_id')::bigint`,
    [deepest.replaceAll(":", ": ")],
  );
  return rows;
}

test("a message nested as deep as jsonb goes becomes a dead letter, as text, and the other messages of its batch are merged", async () => {
  await queuesOf(system).sendBatch(queue, [patternMessage(), "[]", patternMessage()]);
  await queuesOf(system).send(queue, deepest);
  await queuesOf(system).sendBatch(queue, [patternMessage(), "[]"]);
  const { report, observations } = await drainAll(system);
  expect(report).toMatchObject({ processed: 3, deadLettered: 3, released: 0 });
  expect(observations.filter(({ event }) => event === "lane-fault")).toEqual([]);
  const whole = { message: false, headers: null, as_text: null, reason: "invalid" };
  expect(await deadLettersInFull()).toEqual([
    whole,
    { message: true, headers: null, as_text: ["original_message"], reason: "invalid" },
    whole,
  ]);
});

test("headers nested as deep as jsonb goes become text, too", async () => {
  await queuesOf(system).send(queue, deepest, deepest);
  const { report } = await drainAll(system);
  expect(report).toMatchObject({ processed: 0, deadLettered: 1, released: 0 });
  expect(await deadLettersInFull()).toEqual([
    {
      message: true,
      headers: true,
      as_text: ["original_message", "original_headers"],
      reason: "invalid",
    },
  ]);
  const [deadLetter] = await deadLettersOf(system, queue);
  expect(deadLetterSchema.safeParse(deadLetter).error).toBeUndefined();
});
