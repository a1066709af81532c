import * as z from "zod";
import { attempt } from "./attempt.ts";

/**
 * The headers our producers write. Nothing depends on them: messages of other producers have none, and are as welcome.
 */
export const messageHeadersSchema = z
  .looseObject({
    schema: z.string().nullish().meta({ description: "The contract's version, like pattern/1" }),
    message_id: z.string().nullish().meta({ description: "A ULID" }),
    traceparent: z.string().nullish().meta({ description: "W3C trace context" }),
    replay_of: z
      .int()
      .min(0)
      .nullish()
      .meta({ description: "Of a replayed message: the msg_id under which it was first sent" }),
    replay_count: z.int().min(0).nullish().meta({ description: "How often it was replayed" }),
    attempts: z
      .array(attempt)
      .nullish()
      .meta({ description: "Of a replayed message: how it failed before, oldest first" }),
    replay_edited: z
      .boolean()
      .nullish()
      .meta({ description: "Whether the last replay sent an edited message" }),
  })
  .meta({ title: "Headers", description: "What travels beside a message" });

export type MessageHeaders = z.infer<typeof messageHeadersSchema>;
