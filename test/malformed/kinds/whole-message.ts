import { nested } from "../../support/deepest-json.ts";
import { anyQueue, json, valid } from "../fields.ts";
import { accepted, type Ingredients, invalid, type Kind, type Outcome } from "../kind.ts";

function whole(name: string, body: (i: Ingredients) => string | null, outcome: Outcome): Kind {
  return { name, make: (i) => ({ queue: anyQueue(i), body: body(i), outcome }) };
}

/** A kind that damages or wraps the text of a valid message. */
function wrapped(
  name: string,
  wrap: (text: string, i: Ingredients) => string,
  outcome: Outcome,
): Kind {
  return {
    name,
    make: (i) => {
      const queue = anyQueue(i);
      return { queue, body: wrap(valid(queue, i), i), outcome };
    },
  };
}

/** The text of a valid message with one more key in front. */
function extended(text: string, key: string, value: string): string {
  return `{${json(key)}:${value},${text.slice(1)}`;
}

const notAnObject = invalid("", "wrong_type");
const notJson = invalid("", "not_json");
const notStorable = invalid("", "not_storable");

const almostJson: readonly ((text: string) => string)[] = [
  (text) => text.slice(0, -1),
  (text) => text.slice(1),
  (text) => `${text.slice(0, -1)},}`,
  (text) => `${text} x`,
  (text) => text + text,
  (text) => text.replaceAll('"', "'"),
  (text) => text.replace("{", "{/* comment */"),
  (text) => `\ufeff${text}`,
  (text) => `\u00a0${text}`,
  (text) => extended(text, "x", "NaN"),
  (text) => extended(text, "x", "-Infinity"),
  (text) => extended(text, "x", "0x10"),
  (text) => extended(text, "x", "01"),
  (text) => extended(text, "x", "1."),
  (text) => extended(text, "x", "+1"),
  (text) => extended(text, "x", "undefined"),
  (text) => extended(text, "x", "True"),
  (text) => extended(text, "x", '"a\nb"'),
  (text) => extended(text, "x", '"\\x41"'),
  (text) => extended(text, "x", '"\\u12"'),
];

export const wholeMessageKinds: readonly Kind[] = [
  whole("SQL null", () => null, invalid("", "required")),
  whole("JSON null", () => "null", notAnObject),
  whole("a boolean", ({ random }) => random.pick(["true", "false"]), notAnObject),
  whole(
    "a number",
    ({ random }) => random.pick(["0", "-0", "1e400", "1.5", "-1e-400", "9".repeat(1000)]),
    notAnObject,
  ),
  whole("an empty object", () => "{}", invalid()),
  whole("an empty array", () => "[]", notAnObject),
  wrapped("an array for the object", (text) => `[${text}]`, notAnObject),
  wrapped("many messages in one", (text) => `[${Array(50).fill(text).join()}]`, notAnObject),
  wrapped("the message inside another object", (text) => `{"message":${text}}`, invalid()),
  whole(
    "a string that is no JSON",
    ({ random }) => json(random.pick(["", " ", "hello", "\\", "{", "agent-1", "\u2028"])),
    notJson,
  ),
  wrapped(
    "a string that is almost JSON",
    (text, { random }) => json(random.pick(almostJson)(text)),
    notJson,
  ),
  wrapped("encoded twice", (text) => json(text), accepted),
  wrapped("encoded twice with space around", (text) => json(`\n\t ${text}\r\n `), accepted),
  wrapped("encoded three times", (text) => json(json(text)), notAnObject),
  wrapped("encoded five times", (text) => json(json(json(json(text)))), notAnObject),
  whole(
    "a value encoded twice that is no object",
    ({ random }) => json(random.pick(["null", "5", "true", "[]", '"x"', "-0", "1e400"])),
    notAnObject,
  ),
  wrapped(
    "\\u0000 behind a second encoding",
    (text, { random }) => {
      const nul = random.pick(['"\\u0000"', '"a\\\\\\u0000"', '{"\\u0000":1}']);
      return json(extended(text, "x", nul));
    },
    notStorable,
  ),
  wrapped(
    "half of a surrogate pair behind a second encoding",
    (text, { random }) => {
      const half = random.pick(["\\ud83d", "\\ude00", "\\ud83d\\ud83d\\ude00", "\\ud83d-\\ude00"]);
      return json(extended(text, "x", `"${half}"`));
    },
    notStorable,
  ),
  wrapped(
    "\\u0000 hidden by a duplicate key behind a second encoding",
    (text) => json(extended(extended(text, "x", "1"), "x", '"\\u0000"')),
    notStorable,
  ),
  wrapped(
    "a number that numeric can't hold behind a second encoding",
    (text, { random }) =>
      json(
        extended(text, "x", random.pick(["1e1001", "-1e131073", "1e-20000", "9".repeat(10_001)])),
      ),
    notStorable,
  ),
  wrapped(
    "the largest numbers behind a second encoding",
    (text, { random }) =>
      json(extended(text, "x", random.pick(["1e1000", "-1E-1000", "9".repeat(10_000)]))),
    accepted,
  ),
  wrapped(
    "too deep behind a second encoding",
    (text, { random }) => json(extended(text, "x", nested(random.pick([500, 501, 20_000])))),
    notStorable,
  ),
  wrapped(
    "nested as deep as is allowed",
    (text, { random }) => {
      const deep = extended(text, "x", nested(random.integer(400, 499)));
      return random.chance(0.5) ? deep : json(deep);
    },
    accepted,
  ),
  {
    ...wrapped(
      "nested deeper than is allowed, up to what jsonb takes",
      (text, { random, deepest }) => {
        const levels = random.pick([500, 501, 3000, deepest - 8, deepest - 2, deepest - 1]);
        return extended(text, "x", nested(levels));
      },
      notStorable,
    ),
    weight: 0.3,
  },
];
