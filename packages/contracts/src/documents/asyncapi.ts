import type * as z from "zod";
import { deadLetterSchema } from "../dead-letter.ts";
import { messageHeadersSchema } from "../headers.ts";
import { jsonSchemaOf } from "../json-schema.ts";
import { contractFor, deadLetterQueueOf, type QueueName, queueNames } from "../queues.ts";

/** Counts changes of the queues and messages, not releases of this package. */
const interfaceVersion = "1.0.0";

/** An AsyncAPI 3.0 document of every queue, from the consumer's point of view. */
export function asyncApiDocument() {
  const channels: Record<string, unknown> = {};
  const operations: Record<string, unknown> = {};
  const messages: Record<string, unknown> = { "dead-letter": deadLetterMessage() };
  for (const queue of queueNames) {
    const name = messageNameOf(queue);
    const deadLetters = deadLetterQueueOf(queue);
    messages[name] = messageOf(queue);
    channels[queue] = channel(queue, `Singularity to CentralCloud: ${name}s`, name);
    channels[deadLetters] = channel(
      deadLetters,
      `What CentralCloud could not merge of ${queue}, and why`,
      "dead-letter",
    );
    operations[`receive-${queue}`] = operation("receive", queue, name);
    operations[`send-${deadLetters}`] = operation("send", deadLetters, "dead-letter");
  }
  return {
    asyncapi: "3.0.0",
    info: {
      title: "CentralCloud consumer",
      version: interfaceVersion,
      description:
        "Queues of pgmq in each Singularity database. Generated from the contracts; do not edit.",
    },
    defaultContentType: "application/json",
    channels,
    operations,
    components: { messages },
  };
}

/** `pattern` of `pattern/1`. */
function messageNameOf(queue: QueueName): string {
  const { version } = contractFor(queue);
  return version.slice(0, version.indexOf("/"));
}

function messageOf(queue: QueueName) {
  const { version, schema } = contractFor(queue);
  return message(messageNameOf(queue), schema, { schema: version });
}

function deadLetterMessage() {
  return message("dead-letter", deadLetterSchema, {});
}

function message(name: string, schema: z.ZodType, exampleHeaders: Record<string, string>) {
  // AsyncAPI keeps a message's title and examples beside its payload
  const { title, examples = [], ...payload } = jsonSchemaOf(schema);
  return {
    name,
    title,
    headers: jsonSchemaOf(messageHeadersSchema),
    payload,
    examples: examples.map((example) => ({ headers: exampleHeaders, payload: example })),
  };
}

function channel(address: string, description: string, messageName: string) {
  return {
    address,
    description,
    messages: { [messageName]: { $ref: `#/components/messages/${messageName}` } },
  };
}

function operation(action: "receive" | "send", queue: string, messageName: string) {
  return {
    action,
    channel: { $ref: `#/channels/${queue}` },
    messages: [{ $ref: `#/channels/${queue}/messages/${messageName}` }],
  };
}
