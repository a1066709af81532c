import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contractFor, jsonLines, maskJson, queueNames, textOf } from "../src/index.ts";
import { anyQueue, borderline, minimal } from "./messages.ts";

const hostile = fc.string({
  unit: fc.constantFrom(...'{}[]",:0123456789.eE-+\\u \ud800tfn\u202e\u0000'),
});
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.json({ stringUnit: "binary" }),
  hostile,
  fc.jsonValue({ stringUnit: "binary" }).map((value) => JSON.stringify(value, null, "\t")),
);

/** Values that no message says by accident, in every form that JSON has for them. */
const secret = "s3cret\u202e\"\\ 'Geheimnis'";
const secretNumber = "777012345678901234567890.7770";

describe("the lines of a document", () => {
  it("are its text, whatever that is", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(textOf(jsonLines(text))).toBe(text);
      }),
      { numRuns: 3000 },
    );
  });

  it("keep every digit, sign and escape", () => {
    const text = String.raw`{"a": [1e400, 12345678901234567890, -0.0, 0.10], "b\u0061": "\u202e\"{[,:]}\\"}`;
    const lines = jsonLines(text);
    expect(textOf(lines)).toBe(text);
    const tokens = lines.flatMap((line) => line.tokens);
    const numbers = tokens.filter(({ kind }) => kind === "number").map((token) => token.text);
    expect(numbers).toEqual(["1e400", "12345678901234567890", "-0.0", "0.10"]);
    const keys = tokens.filter(({ kind }) => kind === "key").map((token) => token.text);
    expect(keys).toEqual(['"a"', String.raw`"b\u0061"`].slice(0, 2));
  });

  it("have the paths that issues name values by, and are indented by their depth", () => {
    const text = '{"agents": [{"confidence": 1.5}, {}], "odd key": null}';
    const lines = jsonLines(text).map(({ depth, path, tokens }) => {
      return [
        depth,
        path,
        tokens
          .map((token) => token.text)
          .join("")
          .trim(),
      ];
    });
    expect(lines).toEqual([
      [0, "", "{"],
      [1, "agents", '"agents": ['],
      [2, "agents[0]", "{"],
      [3, "agents[0].confidence", '"confidence": 1.5'],
      [2, "agents[0]", "},"],
      [2, "agents[1]", "{}"],
      [1, "agents", "],"],
      [1, '["odd key"]', '"odd key": null'],
      [0, "", "}"],
    ]);
  });

  it("say what is wrong at its place, or at the object that lacks a field", () => {
    fc.assert(
      fc.property(borderline, ({ queue, message }) => {
        const text = JSON.stringify(message);
        const checked = contractFor(queue).check(text);
        const issues = checked.ok ? [] : checked.issues;
        for (const shown of ["all", contractFor(queue).shown] as const) {
          const lines = jsonLines(text, { shown, notes: issues });
          const notes = lines.flatMap((line) => line.notes);
          expect([...notes].sort()).toEqual(issues.map((issue) => issue.message).sort());
          for (const { path, message: words } of issues) {
            const line = lines.find((one) => one.notes.includes(words));
            expect(path.startsWith(line?.path ?? "none")).toBe(true);
          }
        }
      }),
      { numRuns: 500 },
    );
    const text = '{"agents": [{"agent_id": 1, "confidence": 2}]}';
    const notes = [
      { path: "agents[0].confidence", message: "too high" },
      { path: "agents[0].pattern_count", message: "missing" },
    ];
    const marked = jsonLines(text, { notes }).filter((line) => line.notes.length > 0);
    expect(marked.map(({ path, notes: said }) => [path, said])).toEqual([
      ["agents[0]", ["missing"]],
      ["agents[0].confidence", ["too high"]],
    ]);
  });

  it("take time in proportion to the text, however deep or long it is", () => {
    const deep = `${'{"k": ['.repeat(50_000)}${"]}".repeat(50_000)}`;
    const long = JSON.stringify({ agents: Array.from({ length: 100_000 }, () => ({ a: "x\\" })) });
    const string = JSON.stringify('\\"'.repeat(1_000_000));
    for (const text of [deep, long, string]) {
      const startedAt = performance.now();
      const notes = [{ path: "agents[99999].b", message: "missing" }];
      expect(textOf(jsonLines(text, { notes }))).toBe(text);
      expect(performance.now() - startedAt).toBeLessThan(5_000);
    }
  });
});

/** A document with a secret wherever one fits. */
const holding = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(JSON.stringify(secret), secretNumber, `"${secretNumber}"`),
    fc.array(tie("value"), { maxLength: 3 }).map((items) => `[${items.join(", ")}]`),
    fc
      .array(fc.tuple(fc.constantFrom(secret, "other", "data", "k"), tie("value")), {
        maxLength: 3,
      })
      .map(objectText),
  ),
})).value;

function objectText(entries: readonly (readonly [string, string])[]): string {
  return `{${entries.map(([key, value]) => `${JSON.stringify(key)}: ${value}`).join(", ")}}`;
}

describe("a masked document", () => {
  it("is JSON that holds no value of a field that the contract does not show", () => {
    fc.assert(
      fc.property(
        anyQueue,
        fc.array(fc.tuple(fc.constantFrom("pattern", "session_state", "x", secret), holding)),
        fc.boolean(),
        (queue, added, twice) => {
          const known = Object.entries(minimal[queue])
            .filter(([key]) => !["pattern", "session_state"].includes(key))
            .map(([key, value]) => [key, JSON.stringify(value)] as const);
          const text = objectText([...known, ...added]);
          const masked = maskJson(twice ? JSON.stringify(text) : text, contractFor(queue).shown);
          expect(() => JSON.parse(masked)).not.toThrow();
          expect(masked).not.toContain("s3cret");
          expect(masked).not.toContain("Geheimnis");
          expect(masked).not.toContain("777");
          for (const [, value] of known) {
            expect(masked).toContain(twice ? JSON.stringify(value).slice(1, -1) : value);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("holds nothing of a message that is no object, or of a text that is no JSON", () => {
    fc.assert(
      fc.property(anyQueue, holding, fc.nat({ max: 5 }), (queue, value, cut) => {
        for (const text of [value, value.slice(cut), `{"x": ${value}`, `{${value} ${value}`]) {
          const masked = maskJson(text, contractFor(queue).shown);
          expect(masked).not.toContain("s3cret");
          expect(masked).not.toContain("777");
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("hides what a shown field holds where that is not of its shape", () => {
    const message = {
      agent_id: { secret },
      learned_at: `yesterday, ${secret}`,
      confidence: secret,
      source: secret,
      pattern: null,
    };
    const shown = contractFor("centralcloud-new-patterns").shown;
    expect(maskJson(JSON.stringify(message), shown)).toBe(
      '{"agent_id":"(masked object)","learned_at":"(masked string)","confidence":"(masked string)","source":"(masked string)","pattern":null}',
    );
  });

  it("shows the same of every value of a kind", () => {
    const shown = contractFor("agent-sessions").shown;
    const of = (state: unknown) => maskJson(JSON.stringify({ session_state: state }), shown);
    expect(of({ a: 1 })).toBe(of({ much: ["longer"] }));
    expect(of("a")).toBe(of(secret));
    expect(of(1)).toBe(of(1e300));
    expect(of(true)).toBe(of(false));
  });

  it("names every field of its contract, and says of each what of it may be shown", () => {
    for (const queue of queueNames) {
      const { schema, shown } = contractFor(queue);
      const { shape } = schema as unknown as { shape: object };
      expect(Object.keys(shown).sort()).toEqual(Object.keys(shape).sort());
    }
  });
});
