import { describe, expect, it } from "vitest";
import { checkWith, checkWithRaw, issuesOf } from "./messages.ts";

const zeros = (count: number) => "0".repeat(count);

const probabilities = [
  ..."0 0.0 -0 -0.0 1 1.0 1.000 0.5 5e-1 1e0 10e-1 0.1E1 0.01e+2 1e-16 1e-400 0e1000".split(" "),
  `0.${"9".repeat(400)}`,
  `1.${zeros(400)}`,
  `1${zeros(400)}e-400`,
  `0.${zeros(400)}1`,
];
const improbable = [
  ..."-1 2 1.1 1.0000001 -0.0001 1e1 1e400 -1e-400 0.11e1 10.0e-0".split(" "),
  "1.00000000000000000001",
  "100000000000000000001e-20",
  `1.${zeros(400)}1`,
  `-0.${zeros(400)}1`,
];
const counts = [
  ..."0 -0 0.0 1 5.0 5e0 50e-1 0.5e1 9e15 9007199254740991 9007199254740991.0".split(" "),
  "90071992547409910e-1",
  `1${zeros(400)}e-400`,
];
const uncountable = [
  ..."-1 0.5 5.5 5e-1 9007199254740992 9007199254740993 1e16 1e400 -1e-400 1e-400".split(" "),
  "9007199254740991.1",
  "5.00000000000000000001",
  "4503599627370497.3",
  `5.${zeros(400)}1`,
];
const notNumerals = [
  ..."NaN Infinity -Infinity inf 0x1 1_0 . - + e1 1e 1e+ .e1 0.5.0 --1 one 1,0 1e1001 ١".split(" "),
  ...["", " ", " 1", "1 ", "1\n", "\u00a01", "1\u0000"],
];

function named(numeral: string) {
  const name = numeral.length > 40 ? `${numeral.slice(0, 4)}…${numeral.slice(-6)}` : numeral;
  return { name, numeral };
}

describe.each([
  { kind: "confidence", good: probabilities, bad: improbable },
  { kind: "total_patterns", good: counts, bad: uncountable },
])("$kind", ({ kind, good, bad }) => {
  const queue = kind === "confidence" ? "centralcloud-new-patterns" : "agent-knowledge-updates";

  it.each(good.map(named))("may be $name, as a number and as a string", ({ numeral }) => {
    expect(issuesOf(checkWithRaw(queue, kind, numeral))).toEqual([]);
    expect(issuesOf(checkWithRaw(queue, kind, JSON.stringify(numeral)))).toEqual([]);
  });

  it.each(bad.map(named))("must not be $name, as a number or as a string", ({ numeral }) => {
    expect(issuesOf(checkWithRaw(queue, kind, numeral))).toMatchObject([{ path: kind }]);
    expect(issuesOf(checkWithRaw(queue, kind, JSON.stringify(numeral)))).toMatchObject([
      { path: kind, code: "out_of_range" },
    ]);
  });

  it.each(notNumerals)("must not be the string %j", (text) => {
    expect(issuesOf(checkWith(queue, { [kind]: text }))).toMatchObject([
      { path: kind, code: "malformed" },
    ]);
  });

  it.each([{ value: true }, { value: [] }, { value: {} }, { value: [1] }])(
    "must not be $value",
    ({ value }) => {
      expect(issuesOf(checkWith(queue, { [kind]: value }))).toMatchObject([
        { path: kind, code: "wrong_type" },
      ]);
    },
  );

  it.each(["+1", "+0.0", ".0", "1.", "01", "1e0000"])("may be the string %j", (text) => {
    expect(issuesOf(checkWith(queue, { [kind]: text }))).toEqual([]);
  });

  it("must not be a string that exhausts PostgreSQL's numeric, however long", () => {
    for (const text of [`0.${zeros(10_000)}`, `0.${zeros(1_000_000)}x`]) {
      const [issue] = issuesOf(checkWith(queue, { [kind]: text }));
      expect(issue).toMatchObject({ path: kind, code: "wrong_length" });
    }
  });
});

it("long numbers elsewhere in a message don't matter", () => {
  const pattern = '{"big": 12345678901234567890, "text": "1.00000000000000000001", "tiny": 1e-999}';
  expect(checkWithRaw("centralcloud-new-patterns", "pattern", pattern).ok).toBe(true);
  expect(checkWithRaw("centralcloud-new-patterns", "agent_id", "12345678901234567890").ok).toBe(
    true,
  );
});

it.each([`0.${"1".repeat(600)}`, `${"1".repeat(3)}.${"1".repeat(510)}`, "1e-600", "0.5E-0511"])(
  "a number in place of an identifier has at most as many digits as its string may have: not %s",
  (number) => {
    expect(issuesOf(checkWithRaw("agent-sessions", "session_id", number))).toMatchObject([
      { path: "session_id", code: "wrong_length" },
    ]);
  },
);

it.each(["1e-300", "12.5e-400", "1e300", `0.${"1".repeat(510)}`, "12345678901234567890"])(
  "a number in place of an identifier may be %s",
  (number) => {
    expect(issuesOf(checkWithRaw("agent-sessions", "session_id", number))).toEqual([]);
  },
);

it("a confidence of more digits than a double has is judged by all of them", () => {
  const agents = (confidence: string) =>
    `[{"agent_id":1,"pattern_count":1,"confidence":${confidence}}]`;
  const queue = "agent-knowledge-updates";
  const over = agents("1.00000000000000000001");
  expect(issuesOf(checkWithRaw(queue, "agents", agents("0.99999999999999999999")))).toEqual([]);
  expect(issuesOf(checkWithRaw(queue, "agents", over))).toMatchObject([
    { path: "agents[0].confidence", code: "out_of_range" },
  ]);
  const scaled = agents("99999999999999999999e-20");
  expect(issuesOf(checkWithRaw(queue, "agents", scaled))).toEqual([]);
  const scaledOver = agents("100000000000000000001e-20");
  expect(issuesOf(checkWithRaw(queue, "agents", scaledOver))).toMatchObject([
    { path: "agents[0].confidence", code: "out_of_range" },
  ]);
});
