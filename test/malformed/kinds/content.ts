import { nested } from "../../support/deepest-json.ts";
import { json, patterns, sessions, valid } from "../fields.ts";
import { accepted, type Ingredients, invalid, type Kind, type Outcome } from "../kind.ts";
import { oddTexts } from "./identifiers.ts";

/** A kind about the object that a message carries, which is nobody's business but its producer's. */
function content(
  name: string,
  draw: (i: Ingredients) => string,
  outcome: Outcome | ((key: string) => Outcome) = accepted,
): Kind {
  return {
    name,
    make: (i) => {
      const queue = i.random.pick([patterns, sessions] as const);
      const key = queue === patterns ? "pattern" : "session_state";
      const body = valid(queue, i, { [key]: draw(i) });
      return { queue, body, outcome: typeof outcome === "function" ? outcome(key) : outcome };
    },
  };
}

const marked = ({ mark }: Ingredients, value: string) => `{"mark":${mark},"value":${value}}`;

const oddNumbers = [
  "1e400",
  "-1e400",
  "1e-400",
  "-0",
  "-0.0",
  "0e0",
  "1.0000000000000000000000000001",
  "12345678901234567890",
  "5e-324",
  "1E+5",
  "9".repeat(2_000),
  `0.${"9".repeat(2_000)}`,
];

/** A valid message padded so that its text in jsonb has exactly so many bytes. */
function sized(name: string, size: (maximum: number) => number, outcome: Outcome): Kind {
  return {
    name,
    weight: 0.03,
    make: (i) => {
      const character = i.random.pick(["x", "é", "語", "😀"]);
      // jsonb writes one space after each comma and colon
      const text = (padding: string) =>
        `{"pattern": {"mark": ${i.mark}, "padding": "${padding}"}, "agent_id": "a", "learned_at": "2025-10-25T10:00:00Z"}`;
      const room = size(i.maxMessageBytes) - Buffer.byteLength(text(""));
      const wide = Math.floor(room / Buffer.byteLength(character));
      const narrow = room - wide * Buffer.byteLength(character);
      return { queue: patterns, body: text(character.repeat(wide) + "y".repeat(narrow)), outcome };
    },
  };
}

const tooLarge: Outcome = { accepted: false, reason: "too-large", code: "too-large" };

export const contentKinds: readonly Kind[] = [
  content("an empty object inside", () => "{}"),
  content(
    "another value where an object should be",
    ({ random }) => random.pick(["[]", "[{}]", '""', '"{}"', "0", "false", "1e400"]),
    (key) => invalid(key, "wrong_type"),
  ),
  content("odd Unicode inside", (i) => {
    const [key, value] = [i.random.pick(oddTexts), i.random.pick(oddTexts)];
    return marked(i, `{${json(key)}:${json(value)},"pair":"\\ud83d\\ude00\\uD83D\\uDE00"}`);
  }),
  content("odd numbers inside", (i) => marked(i, `[${i.random.shuffle([...oddNumbers]).join()}]`)),
  content("empty things inside", (i) => marked(i, '{"":"","a":[],"b":{},"c":[[],{}],"d":null}')),
  content("prototype keys inside", (i) =>
    marked(i, '{"__proto__":{"polluted":1},"constructor":{"prototype":{}},"toString":null}'),
  ),
  content("duplicate keys inside", (i) => `{"mark":0,"mark":${i.mark},"a":1,"a":{"b":1,"b":2}}`),
  content("our own keys inside", (i) =>
    marked(i, '{"agent_id":null,"sealed":{},"agents":[1],"learned_at":"infinity"}'),
  ),
  { ...content("deep inside", (i) => marked(i, nested(497))), weight: 0.5 },
  {
    ...content("a number of a hundred thousand digits inside", (i) =>
      marked(i, "9".repeat(100_000)),
    ),
    weight: 0.05,
  },
  {
    ...content("thousands of elements inside", (i) =>
      marked(
        i,
        `[${Array(20_000)
          .fill(i.random.pick(["1", "[]", "{}", '""']))
          .join()}]`,
      ),
    ),
    weight: 0.1,
  },
  sized("a megabyte, just below the limit", (maximum) => maximum - 1, accepted),
  sized("a megabyte, exactly the limit", (maximum) => maximum, accepted),
  sized("a megabyte, just above the limit", (maximum) => maximum + 1, tooLarge),
  sized("megabytes", (maximum) => 3 * maximum, tooLarge),
  {
    name: "megabytes of mistakes",
    weight: 0.03,
    make: ({ maxMessageBytes }) => ({
      queue: patterns,
      body: `[${"0,".repeat(maxMessageBytes)}0]`,
      outcome: tooLarge,
    }),
  },
  {
    name: "a source that is no string",
    make: (i) => ({
      queue: patterns,
      body: valid(patterns, i, { source: i.random.pick(["1", "[]", "{}", "true"]) }),
      outcome: invalid("source", "wrong_type"),
    }),
  },
  {
    name: "an odd source",
    make: (i) => ({
      queue: patterns,
      body: valid(patterns, i, { source: json(i.random.pick(["", ...oddTexts])) }),
      outcome: accepted,
    }),
  },
];
