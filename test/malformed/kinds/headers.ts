import { nested } from "../../support/deepest-json.ts";
import { anyQueue, json, valid } from "../fields.ts";
import { accepted, type Ingredients, invalid, type Kind, type Outcome } from "../kind.ts";

const oddHeaders = [
  "null",
  "[]",
  '"x"',
  "0",
  "true",
  "{}",
  "[1,[2]]",
  '{"schema":1,"message_id":[],"traceparent":{},"replay_of":"x"}',
  '{"schema":"pattern/999","replay_of":-1,"replay_count":1e400}',
  '{"__proto__":{},"constructor":null}',
  '{"message_id":"\\ud83d\\ude00\\u202e"}',
  nested(400),
  json({ text: "h".repeat(20_000) }),
];

function headed(
  name: string,
  body: (i: Ingredients, text: string) => string,
  outcome: Outcome,
): Kind {
  return {
    name,
    make: (i) => {
      const queue = anyQueue(i);
      const headers = i.random.pick(oddHeaders);
      return { queue, body: body(i, valid(queue, i)), headers, outcome };
    },
  };
}

export const headerKinds: readonly Kind[] = [
  headed("odd headers", (_, text) => text, accepted),
  headed("odd headers of a bad message", () => "[]", invalid("", "wrong_type")),
  {
    ...headed("huge headers", (_, text) => text, accepted),
    weight: 0.03,
    make: (i) => {
      const queue = anyQueue(i);
      const headers = json({ text: "h".repeat(2 * i.maxMessageBytes) });
      return { queue, body: valid(queue, i), headers, outcome: accepted };
    },
  },
];
