import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { faultRules } from "../src/index.ts";

test("docs/operate/faults.md lists each kind of fault with its SQLSTATEs, and no other", () => {
  const text = readFileSync(new URL("../../../docs/operate/faults.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^\| `([a-z-]+)` +\| ([^|]+) \|/gm)];
  const documented = new Map(rows.map(([, kind, states]) => [kind, states?.trim()]));
  for (const { kind, states } of faultRules) {
    const listed = documented.get(kind)?.match(/\b[0-9A-Z]{2}(?:\d{3}|P0\d)?\b|\bP0001\b/g);
    expect(listed, kind).toEqual(expect.arrayContaining([...states]));
  }
  const known = new Set<string | undefined>(faultRules.map(({ kind }) => kind));
  const others = [...documented.keys()].filter((kind) => !known.has(kind));
  expect(others).toEqual([
    "not-trusted",
    "timed-out",
    "source-refused",
    "answer-too-large",
    "unclassified",
  ]);
});
