import { json, knowledge, patterns, sessions, valid } from "../fields.ts";
import { type Ingredients, invalid, type Kind, type Outcome, stored } from "../kind.ts";

const zeros = (count: number) => "0".repeat(count);

/** A confidence as it is written, and the `numeric` that it is. */
const goodConfidences: readonly (readonly [numeral: string, value: string])[] = [
  ["0", "0"],
  ["-0", "0"],
  ["-0.000", "0"],
  ["1", "1"],
  ["1.000", "1"],
  ["0.10", "0.1"],
  ["5e-1", "0.5"],
  ["10E-1", "1"],
  ["0.00000001e+8", "1"],
  ["0.12345678901234567890123456789", "0.12345678901234567890123456789"],
  ["1e-400", `0.${zeros(399)}1`],
  ["0e400", "0"],
  [`0.${"9".repeat(3_000)}`, `0.${"9".repeat(3_000)}`],
  [`1.${zeros(3_000)}`, "1"],
  [`0.${zeros(3_000)}1`, `0.${zeros(3_000)}1`],
];

const goodStrings: readonly (readonly [numeral: string, value: string])[] = [
  ...goodConfidences,
  ["+0.5", "0.5"],
  [".5", "0.5"],
  ["1.", "1"],
  ["0001", "1"],
  ["05e-1", "0.5"],
  ["1e0000", "1"],
];

const outOfRange = [
  "-1",
  "1.01",
  "2",
  "-0.0001",
  "1e400",
  "-1e400",
  "-1e-400",
  "1.0000000000000000000000001",
  `1.${zeros(5_000)}1`,
  `-0.${zeros(5_000)}1`,
  "99999999999999999999999999",
];

const noNumerals = [
  "NaN",
  "Infinity",
  "-Infinity",
  "inf",
  "infinity",
  "0x1",
  "0b1",
  "1_0",
  "",
  " ",
  " 0.5",
  "0.5 ",
  "0.5\n",
  "0,5",
  "٠.٥",
  "½",
  "５",
  "--0",
  "1e",
  ".",
  "e1",
  "one",
  "true",
  "null",
  "0.5.0",
  "1e1001",
  "\u00a00.5",
  "0.5\u200b",
];

/** A count as it is written, and the whole number that it is. */
const goodCounts: readonly (readonly [numeral: string, value: string])[] = [
  ["0", "0"],
  ["-0", "0"],
  ["-0.0", "0"],
  ["4e0", "4"],
  ["40E-1", "4"],
  ["5.0", "5"],
  ["9007199254740991", "9007199254740991"],
  ["9007199254740991.000", "9007199254740991"],
  ["9.007199254740991e15", "9007199254740991"],
];

const badCounts = [
  "-1",
  "0.5",
  "5.00000000000000000001",
  "1e-400",
  "9007199254740991.5",
  "9007199254740992",
  "9223372036854775807",
  "9223372036854775808",
  "-9223372036854775809",
  "18446744073709551616",
  "99999999999999999999",
  "1e19",
  "1e400",
];

function confidence(
  name: string,
  draw: (i: Ingredients) => [json: string, outcome: Outcome],
): Kind {
  return {
    name,
    make: (i) => {
      const [text, outcome] = draw(i);
      const queue = i.random.pick([patterns, sessions] as const);
      const body = valid(queue, i, { confidence: text });
      return { queue, body: i.random.chance(0.7) ? body : json(body), outcome };
    },
  };
}

function count(name: string, draw: (i: Ingredients) => [json: string, outcome: Outcome]): Kind {
  return {
    name,
    make: (i) => {
      const [text, outcome] = draw(i);
      const body = valid(knowledge, i, { agents_updated: text });
      return { queue: knowledge, body: i.random.chance(0.7) ? body : json(body), outcome };
    },
  };
}

const badConfidence = invalid("confidence");
const badCount = invalid("agents_updated");

export const numberKinds: readonly Kind[] = [
  confidence("a confidence in an odd form", ({ random }) => {
    const [numeral, value] = random.pick(goodConfidences);
    return [numeral, stored({ confidence: value })];
  }),
  confidence("a confidence as a numeric string", ({ random }) => {
    const [numeral, value] = random.pick(goodStrings);
    return [json(numeral), stored({ confidence: value })];
  }),
  confidence("a confidence out of range", ({ random }) => [random.pick(outOfRange), badConfidence]),
  confidence("a confidence out of range, as a string", ({ random }) => [
    json(random.pick(outOfRange)),
    invalid("confidence", "out_of_range"),
  ]),
  confidence("a confidence that is no numeral", ({ random }) => [
    json(random.pick(noNumerals)),
    invalid("confidence", "malformed"),
  ]),
  confidence("a confidence of more digits than numeric has", () => [
    json(`0.${zeros(200_000)}1`),
    invalid("confidence", "wrong_length"),
  ]),
  confidence("no confidence", () => ["null", stored({ confidence: "0.5" })]),
  count("a count in an odd form", ({ random }) => {
    const [numeral, value] = random.pick(goodCounts);
    return [numeral, stored({ agents_updated: value })];
  }),
  count("a count as a numeric string", ({ random }) => {
    const [numeral, value] = random.pick([...goodCounts, ["+3", "3"], ["003", "3"], ["3.", "3"]]);
    return [json(numeral), stored({ agents_updated: value })];
  }),
  count("a count beyond what can be counted, or none", ({ random }) => [
    random.pick(badCounts),
    badCount,
  ]),
  count("a count beyond what can be counted, as a string", ({ random }) => [
    json(random.pick(badCounts)),
    invalid("agents_updated", "out_of_range"),
  ]),
  count("a count that is no numeral", ({ random }) => [
    json(random.pick(noNumerals)),
    invalid("agents_updated", "malformed"),
  ]),
].map((kind) => (kind.name.includes("more digits") ? { ...kind, weight: 0.1 } : kind));
