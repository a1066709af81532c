import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contractFor, maskErrorText } from "../src/index.ts";
import { borderline } from "./messages.ts";

const quoting = [
  (value: string) => `invalid input syntax for type numeric: "${value}"`,
  (value: string) => `Key (agent_id)=(${value}) already exists.`,
  (value: string) => `Key (a, b)=(1, ${value}) is not present in table "agents".`,
  (value: string) => `new row violates check constraint "c" (Failing row contains (1, ${value}).)`,
  (value: string) => `date/time field value out of range: "${value}"`,
  (value: string) => `ungültige Eingabesyntax für Typ numeric: »${value}«`,
  (value: string) => `syntaxe en entrée invalide pour le type numeric : « ${value} »`,
  (value: string) => `invalid input value for enum mood: "${value}"`,
  (value: string) => `the trigger says: ${value}`,
  (value: string) => value,
];

describe("an error without its values", () => {
  it("holds no value that a database quotes, whatever is in it", () => {
    const secret = fc
      .tuple(
        fc.constantFrom("", '"', '" constraint "', ")", "') (", "«", " the ", '" and "', '\n"'),
        fc.constantFrom("", '"', '" for relation "', ")", "=(", "»", " key ", "'"),
      )
      .map(([before, after]) => `${before}Geheimnis47${after}`);
    fc.assert(
      fc.property(fc.constantFrom(...quoting), secret, (quote, value) => {
        expect(maskErrorText(quote(value))).not.toMatch(/Geheimnis|47/);
      }),
      { numRuns: 2000 },
    );
  });

  it("keeps the words by which the error is known, and the names of constraints", () => {
    const texts = [
      'invalid input syntax for type numeric: "…"',
      'duplicate key value violates unique constraint "agents_pkey"',
      'new row for relation "patterns" violates check constraint "confidence_is_a_probability"',
      'null value in column "agent_id" of relation "patterns" violates not-null constraint',
      "numeric field overflow",
      "deadlock detected",
      "canceling statement due to statement timeout",
    ];
    expect(texts.map(maskErrorText)).toEqual(texts);
  });

  it("is what a contract says of a message, whole", () => {
    fc.assert(
      fc.property(borderline, ({ queue, message }) => {
        const checked = contractFor(queue).check(JSON.stringify(message));
        for (const issue of checked.ok ? [] : checked.issues) {
          expect(maskErrorText(issue.message)).toBe(issue.message);
          const withOthers = `${issue.message} (and 2 more)`;
          expect(maskErrorText(withOthers)).toBe(withOthers);
        }
      }),
      { numRuns: 1000 },
    );
    const odd = [
      "nonsense",
      '"text"',
      '"\\"text\\""',
      String.raw`"{\"a\": \"\\u0000\"}"`,
      String.raw`"{\"a\": \"\\ud800\"}"`,
      `"{\\"a\\": 1e4000}"`,
      `${"[".repeat(600)}${"]".repeat(600)}`,
      JSON.stringify({
        agents_updated: 1,
        total_patterns: 1,
        updated_at: "",
        agents: Array(50).fill(0),
      }),
      JSON.stringify({ agents_updated: 1, total_patterns: 1, updated_at: "", agents: 1 }),
      null,
    ];
    for (const text of odd) {
      const checked = contractFor("agent-knowledge-updates").check(text);
      expect(checked.ok).toBe(false);
      for (const { message } of checked.ok ? [] : checked.issues) {
        expect(maskErrorText(message)).toBe(message);
      }
    }
  });

  it("takes nobody's word for a sentence of ours about a field that no contract has", () => {
    expect(maskErrorText("hunter2 must be a string")).not.toContain("hunter2");
    expect(maskErrorText("agents.hunter.x is missing")).not.toContain("hunter");
  });

  it("takes time in proportion to the text", () => {
    for (const text of [
      '"'.repeat(1e6),
      "(=(".repeat(1e6),
      `constraint "${"a".repeat(1e6)}`,
      "agents[1].".repeat(1e5),
    ]) {
      const startedAt = performance.now();
      maskErrorText(text);
      expect(performance.now() - startedAt).toBeLessThan(1_000);
    }
  });
});
