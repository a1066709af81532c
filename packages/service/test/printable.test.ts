import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { printable, printableLines, shellWord, shorten } from "../src/printable.ts";

test.each([
  ["an escape sequence", "\u001b[2J", "\\u001b[2J"],
  ["its form in one character", "\u009b2J", "\\u009b2J"],
  ["a backspace", "ab\b", "ab\\u0008"],
  ["a new line", "one\ntwo", "one\\u000atwo"],
  ["a return to the start of the line", "one\rtwo", "one\\u000dtwo"],
  ["a mark that turns the text around", "\u202egnp", "\\u202egnp"],
  ["an Arabic mark of direction", "\u061ca", "\\u061ca"],
  ["an invisible space", "a\u200bb\ufeff", "a\\u200bb\\ufeff"],
  ["a separator of lines", "a\u2028b", "a\\u2028b"],
  ["an invisible tag beyond 16 bits", "\u{e0041}", "\\udb40\\udc41"],
  ["half a character", "\ud83d", "\\ud83d"],
])("%s is spelt out", (_, text, expected) => {
  expect(printable(text)).toBe(expected);
});

test("names in any script, and pictures that are joined, stay as they are", () => {
  for (const text of ["Zoë", "агент-7", "エージェント", "وكيل", "👩‍💻", "naïve café"]) {
    expect(printable(text)).toBe(text);
  }
});

test("lines stay lines where the text is ours", () => {
  expect(printableLines("a\nb\r\n\tc")).toBe("a\nb\\u000d\n\\u0009c");
});

test("a JSON text means the same afterwards", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(JSON.parse(printable(JSON.stringify(JSON.parse(text))))).toEqual(JSON.parse(text));
    }),
  );
});

test("a shortened text is one line of at most so many characters, also when nearly all is spelt out", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 1, max: 50 }), (text, length) => {
      expect(shorten(text, length).length).toBeLessThanOrEqual(length);
    }),
  );
});

test.each([
  "plain",
  "db.example:5432/source",
  "two words",
  "it's",
  "x; echo hacked",
  "$(echo hacked)",
  "`echo hacked`",
  "a\nb",
  "",
  "''\\''",
])("%j is one word of a command, whatever a shell makes of what is in it", (text) => {
  const given = execFileSync("sh", ["-c", `printf %s ${shellWord(text)}`], { encoding: "utf8" });
  expect(given).toBe(text);
});
