import { readFileSync } from "node:fs";
import { checkNames } from "@centralcloud/doctor";
import { expect, test } from "vitest";

test("docs/operations.md lists every check of the doctor, and no other", () => {
  const text = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
  const section = /\n## Doctor\n(.*?)\n## /s.exec(text)?.[1] ?? "";
  const documented = [...section.matchAll(/^\| `([a-z-]+)` +\|/gm)].map(([, name]) => name);
  expect(documented).toEqual(checkNames);
});
