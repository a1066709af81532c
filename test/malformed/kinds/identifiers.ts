import { json, patterns, sessions, valid } from "../fields.ts";
import { type Ingredients, invalid, type Kind, type Outcome, stored } from "../kind.ts";

/** Text that looks odd, reads odd or is odd, and is as good a name as any. */
export const oddTexts: readonly string[] = [
  " ",
  "\t\n",
  "\u0001",
  "\u007f\u0080",
  "\u00ad",
  "\u200b",
  "\u202eabc\u202c",
  "\u2066x\u2069",
  "\u2028\u2029",
  "\ufdd0\ufffe\uffff",
  "\u{1fffe}\u{10ffff}",
  "\ufffd",
  "\ufeff",
  "e\u0301\u0327",
  "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}",
  "\ue000",
  "\\u0000",
  "\u2400",
  "'; drop table central.patterns; --",
  "$1",
  "%s%n",
  "a\\",
  '"',
  "null",
  "NaN",
  "true",
  "[object Object]",
];

const prototypeNames = ["__proto__", "constructor", "toString", "hasOwnProperty", "prototype"];

/** Characters of one to four bytes of UTF-8. */
const characters = ["x", "é", "語", "😀", "\u{10ffff}"];

const numbers: readonly (readonly [json: string, name: string])[] = [
  ["7", "7"],
  ["7.0", "7"],
  ["70e-1", "7"],
  ["-0", "0"],
  ["-0.0", "0"],
  ["1e2", "100"],
  ["1E+20", "100000000000000000000"],
  ["0.10", "0.1"],
  ["-12.50", "-12.5"],
  ["12345678901234567890", "12345678901234567890"],
  ["9007199254740993", "9007199254740993"],
  ["0.12345678901234567890", "0.1234567890123456789"],
  ["1e300", `1${"0".repeat(300)}`],
  ["1e-300", `0.${"0".repeat(299)}1`],
  ["5e-324", `0.${"0".repeat(323)}5`],
];

/** A kind about the identifier that a message is found by again. */
function identifier(
  name: string,
  draw: (i: Ingredients) => [text: string, outcome: Outcome],
): Kind {
  return {
    name,
    make: (i) => {
      const [text, outcome] = draw(i);
      const direct = i.random.chance(0.7);
      if (i.random.chance(0.5)) {
        const body = valid(patterns, i, { agent_id: text });
        return { queue: patterns, body: direct ? body : json(body), outcome };
      }
      const body = valid(sessions, i, { agent_id: text });
      return { queue: sessions, body: direct ? body : json(body), outcome };
    },
  };
}

function escaped(text: string): string {
  const units = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
  return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("")}"`;
}

const tooLong = invalid("agent_id", "wrong_length");

export const identifierKinds: readonly Kind[] = [
  identifier("prototype names as an agent's id", ({ random }) => {
    const name = random.pick(prototypeNames);
    return [json(name), stored({ agent_id: name })];
  }),
  identifier("odd Unicode as an agent's id", ({ random }) => {
    const name = random.pick(oddTexts);
    return [json(name), stored({ agent_id: name })];
  }),
  identifier("an id written in escapes, surrogate pairs too", ({ random }) => {
    const name = random.pick(oddTexts) + random.pick(characters);
    return [escaped(name), stored({ agent_id: name })];
  }),
  identifier("an id as long as is allowed", ({ random }) => {
    const name = Array.from({ length: 512 }, () => random.pick(characters)).join("");
    return [json(name), stored({ agent_id: name })];
  }),
  identifier("the largest id in bytes, incompressible", ({ random }) => {
    const name = Array.from({ length: 512 }, () =>
      String.fromCodePoint(random.integer(0x20000, 0x2a6df)),
    ).join("");
    return [json(name), stored({ agent_id: name })];
  }),
  identifier("an id one character too long", ({ random }) => [
    json(random.pick(characters).repeat(513)),
    tooLong,
  ]),
  { ...identifier("a very long id", () => [json("x".repeat(100_000)), tooLong]), weight: 0.1 },
  identifier("an empty id", () => ['""', tooLong]),
  identifier("a number as an id", ({ random }) => {
    const [text, name] = random.pick(numbers);
    return [text, stored({ agent_id: name })];
  }),
  identifier("a number of too many digits as an id", ({ random }) => [
    random.pick(["1e400", "-1e999", `0.${"1".repeat(600)}`, "1e-600", "9".repeat(900)]),
    invalid("agent_id"),
  ]),
  {
    name: "a number as a session's id",
    make: (i) => ({
      queue: sessions,
      body: valid(sessions, i, {
        session_id: `${i.mark}${i.random.pick(["", ".0", "e0", ".00"])}`,
      }),
      outcome: stored({ session_id: String(i.mark) }),
    }),
  },
  {
    name: "odd Unicode in a session's id",
    make: (i) => {
      const id = `${i.mark} ${i.random.pick(oddTexts)}`;
      return {
        queue: sessions,
        body: valid(sessions, i, { session_id: json(id) }),
        outcome: stored({ session_id: id }),
      };
    },
  },
];
