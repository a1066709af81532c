import * as z from "zod";
import { attempt, failure } from "./attempt.ts";
import { timestamp } from "./fields.ts";
import { queueNames } from "./queues.ts";

export const deadLetterReasons = [
  "invalid", // against its contract
  "unreadable", // sealed with a key we don't hold, or damaged
  "too-large",
  "rejected", // the database refused it
  "failed", // attempts used up
  "delivery-limit",
] as const;

export type DeadLetterReason = (typeof deadLetterReasons)[number];

const issue = z.object({ path: z.string(), code: z.string(), message: z.string() });

/** The body of a message in a `-dlq` queue: the original, untouched, and everything known about why it is there. Not strict: other keys may follow. */
export const deadLetterSchema = z
  .object({
    original_message: z
      .unknown()
      .meta({ description: "As it was read; null where it was SQL NULL" }),
    original_message_id: z.int().min(0),
    original_enqueued_at: timestamp,
    original_headers: z
      .unknown()
      .meta({ description: "An object, where the producer kept to the rule; null for none" }),
    as_text: z
      .array(z.enum(["original_message", "original_headers"]))
      .optional()
      .meta({
        description: "Which of them are strings of their JSON, being nested too deeply to be more",
      }),
    queue: z.enum(queueNames),
    read_count: z.int().min(0),
    reason: z.enum(deadLetterReasons),
    error: failure.extend({ issues: z.array(issue).nullish() }),
    consumer: z.string().nullish().meta({ description: "The replica that gave the message up" }),
    attempts: z.array(attempt),
    dead_lettered_at: timestamp,
  })
  .meta({
    title: "Dead letter",
    description: "A message that could not be merged, and why",
    examples: [
      {
        original_message: {
          agent_id: "agent-9",
          pattern: null,
          learned_at: "2025-10-25T10:00:00Z",
        },
        original_message_id: 42,
        original_enqueued_at: "2025-10-25T10:00:00.123456+00:00",
        original_headers: { schema: "pattern/1" },
        queue: "centralcloud-new-patterns",
        read_count: 1,
        reason: "invalid",
        error: {
          code: "invalid",
          message: "the message breaks its contract",
          issues: [{ path: "pattern", code: "required", message: "pattern must not be null" }],
        },
        attempts: [],
        dead_lettered_at: "2025-10-25T10:00:01.123456+00:00",
      },
    ],
  });

export type DeadLetter = z.infer<typeof deadLetterSchema>;
