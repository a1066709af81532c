import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import * as tuning from "../src/tuning.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const source = readFileSync(new URL("../src/tuning.ts", import.meta.url), "utf8");

/** The comment before each name of the table, those of groups included. */
const comments = new Map(
  [...source.matchAll(/\/\*\*([^/]*(?:\/(?!\*)[^/]*)*)\*\/\n\s*(?:export const )?(\w+)/g)].map(
    ([, comment = "", name = ""]) => [name, comment.replaceAll(/\s*\n\s*\*\s*/g, " ")],
  ),
);

/** What a comment names behind `Bench:` or `Test:`. */
const named = (comment: string, word: string) =>
  [...comment.matchAll(new RegExp(`${word}(?: of all)?: ([^.]*)`, "g"))].flatMap(([, names = ""]) =>
    names.split(",").map((name) => name.replace(/\(.*\)/, "").trim()),
  );

test("each tuning number says which benchmark or test justifies it", () => {
  const silent: string[] = [];
  for (const [group, numbers] of Object.entries(tuning)) {
    const names = typeof numbers === "number" ? [group] : Object.keys(numbers);
    const ofAll = /Bench of all:/.test(comments.get(group) ?? "");
    for (const name of names) {
      if (!ofAll && !/(Bench|Test): \w/.test(comments.get(name) ?? "")) silent.push(name);
    }
  }
  expect(silent).toEqual([]);
});

test("the benchmarks and tests that the table names exist", () => {
  const folders = ["tools/bench", "test/bench"].map((place) => `${root}${place}/scenarios/`);
  const scenarios = folders
    .filter((place) => existsSync(place))
    .flatMap((place) => readdirSync(place).map((file) => readFileSync(place + file, "utf8")))
    .join("\n");
  const absent: string[] = [];
  for (const comment of comments.values()) {
    for (const name of named(comment, "Bench")) {
      if (!scenarios.includes(`name: "${name}"`)) absent.push(`bench ${name}`);
    }
    for (const name of named(comment, "Test")) {
      const places = [`packages/lane/test/${name}`, `test/${name}`, `test/${name}/${name}`];
      const exists = places.some((place) => existsSync(`${root}${place}.test.ts`));
      if (!exists) absent.push(`test ${name}`);
    }
  }
  expect(absent).toEqual([]);
});
