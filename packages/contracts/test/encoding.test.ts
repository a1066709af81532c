import { describe, expect, it } from "vitest";
import { checkText, checkWithRaw, issuesOf, minimal } from "./messages.ts";

const queue = "centralcloud-new-patterns";
const inner = (pattern: string) =>
  `{"agent_id":"a","learned_at":"2025-10-25T10:00:00Z","pattern":${pattern}}`;

describe("a message", () => {
  it("is handed on exactly as it was written", () => {
    const text = inner('{"big":12345678901234567890,"exact":0.10,"a":1,"a":2}').replace(
      ",",
      " ,\n ",
    );
    expect(checkText(queue, text)).toMatchObject({ ok: true, document: text });
  });

  it("that is SQL's NULL is refused", () => {
    expect(checkText(queue, null)).toEqual({
      ok: false,
      issues: [{ path: "", code: "required", message: "the message is empty (SQL NULL)" }],
    });
  });

  it.each(["", "hello", "{", '{"a":}', "\ufeff{}", "NaN", '"\ud800', "\u0000"])(
    "that is no JSON is refused: %j",
    (text) => {
      expect(issuesOf(checkText(queue, text))).toMatchObject([{ path: "", code: "not_json" }]);
    },
  );

  it("may be nested 500 levels deep, and no deeper: another server's jsonb might not take it", () => {
    const deep = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
    expect(issuesOf(checkText(queue, inner(`{"deep":${deep(498)}}`)))).toEqual([]);
    expect(issuesOf(checkWithRaw(queue, "extra", deep(499)))).toEqual([]);
    const sideBySide = `{"wide":[${Array(1000).fill('{"}]":[]}').join()}]}`;
    expect(issuesOf(checkText(queue, inner(sideBySide)))).toEqual([]);
    const issue = {
      path: "",
      code: "not_storable",
      message: "the message is nested deeper than 500 levels, which can't be stored",
    };
    for (const levels of [500, 200_000]) {
      expect(issuesOf(checkText(queue, inner(`{"deep":${deep(levels)}}`)))).toEqual([issue]);
      expect(issuesOf(checkWithRaw(queue, "extra", deep(levels)))).toEqual([issue]);
      expect(issuesOf(checkText(queue, JSON.stringify(inner(deep(levels)))))).toEqual([issue]);
    }
  });

  it("may hold brackets in strings, however they are escaped", () => {
    const brackets = JSON.stringify(`${'\\"['.repeat(2000)}\\`);
    expect(issuesOf(checkText(queue, inner(`{"text":${brackets}}`)))).toEqual([]);
  });

  it("may have keys with a meaning to JavaScript, and they mean nothing", () => {
    const hostile = '"__proto__":{"agent_id":"b","polluted":1},"constructor":{"prototype":{}}';
    const text = inner(`{${hostile}}`).replace("{", `{${hostile},"toString":null,`);
    expect(checkText(queue, text)).toMatchObject({ ok: true, value: { agent_id: "a" } });
    expect("polluted" in {}).toBe(false);
    const inherited = `{"__proto__":${JSON.stringify(minimal[queue])}}`;
    expect(issuesOf(checkText(queue, inherited))).toHaveLength(3);
  });
});

describe("a message that was encoded twice", () => {
  const check = (text: string) => checkText(queue, JSON.stringify(text));

  it("is handed on as the inner text exactly", () => {
    const text = ` ${inner('{ "é":"\\u00e9\\ud83d\\ude00😀","big":12345678901234567890}')}\n`;
    expect(check(text)).toMatchObject({ ok: true, document: text });
  });

  it("is unwrapped once and not again", () => {
    expect(issuesOf(check(JSON.stringify(inner("{}"))))).toEqual([
      { path: "", code: "wrong_type", message: "the message must be a JSON object" },
    ]);
  });

  it("must hold JSON", () => {
    expect(issuesOf(check("hello"))).toEqual([
      { path: "", code: "not_json", message: "the message is a string that does not hold JSON" },
    ]);
  });

  it.each([
    ["a null character", '{"a":"\\u0000"}', "holds the character \\u0000"],
    ["a null character in a key", '{"\\u0000":1}', "holds the character \\u0000"],
    ["one behind an escaped backslash", '{"a":"\\\\\\u0000"}', "holds the character \\u0000"],
    ["one that a later duplicate hides", '{"a":"\\u0000","a":1}', "holds the character \\u0000"],
    ["half of an escaped pair", '{"a":"\\ud83d"}', "holds half of a surrogate pair"],
    ["the other half", '{"a":"\\ude00"}', "holds half of a surrogate pair"],
    ["two first halves", '{"a":"\\ud83d\\ud83d\\ude00"}', "holds half of a surrogate pair"],
    ["two halves apart", '{"a":"\\ud83d-\\ude00"}', "holds half of a surrogate pair"],
    ["halves of different strings", '["\\ud83d","\\ude00"]', "holds half of a surrogate pair"],
    ["half of a raw pair", '{"a":"\ud83d"}', "holds half of a surrogate pair"],
    ["an escaped and a raw half", '{"a":"\\ud83d\ude00"}', "holds half of a surrogate pair"],
    ["a huge exponent", '{"a":1e1001}', "holds a number with too many digits"],
    ["a tiny exponent", '{"a":-1E-1001}', "holds a number with too many digits"],
    ["10,001 digits", `{"a":${"1".repeat(10_001)}}`, "holds a number with too many digits"],
    ["deep nesting", `${"[".repeat(501)}${"]".repeat(501)}`, "is nested deeper than 500 levels"],
  ])("must not hold %s, which jsonb refuses", (_, pattern, reason) => {
    expect(issuesOf(check(inner(pattern)))).toEqual([
      { path: "", code: "not_storable", message: `the message ${reason}, which can't be stored` },
    ]);
  });

  it.each([
    '{"a":"\\\\u0000"}',
    '{"a":"\\\\ud83d"}',
    '{"\\ud83d\\ude00":"\\uD83D\\uDE00\\n\\"😀"}',
    '{"a":1e1000,"b":-1E-1000,"c":[0,-0.0,1e+5]}',
    `{"a":${"1".repeat(10_000)}}`,
    `{"a":${"[".repeat(498)}${"]".repeat(498)}}`,
  ])("may hold what jsonb stores: %s", (pattern) => {
    expect(issuesOf(check(inner(pattern)))).toEqual([]);
  });
});
