import fc from "fast-check";
import { expect, test } from "vitest";
import { cleanJson, cleanText } from "../src/dead-letter-format.ts";

test("what jsonb refuses is shown as U+FFFD, and the rest stays", () => {
  expect(cleanText("a\u0000b \ud83d c \ude00 d 😀 é")).toBe("a\ufffdb \ufffd c \ufffd d 😀 é");
});

test("a long text is cut", () => {
  const text = cleanText("😀".repeat(10_000));
  expect(text.length).toBeLessThan(2_010);
  expect(text.endsWith("…")).toBe(true);
});

test("strings anywhere in a value become well-formed", () => {
  const property = fc.property(fc.string({ unit: "binary" }), (text) => {
    const cleaned = cleanJson({ list: [{ text }] });
    expect(cleaned).not.toMatch(/\\u0000|\\ud[89a-f]/i);
    expect(JSON.parse(cleaned)).toEqual({ list: [{ text: cleanText(text) }] });
  });
  fc.assert(property);
});
