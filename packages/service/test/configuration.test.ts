import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import {
  type ConfigurationError,
  type Environment,
  flag,
  parseConfiguration,
  wholeNumber,
} from "../src/index.ts";

const folder = mkdtempSync(join(tmpdir(), "configuration-"));
afterAll(() => rmSync(folder, { recursive: true }));

const shape = {
  SIZE: wholeNumber(1, 100, 10),
  QUIET: flag(false),
  WORD: z.string("must be given").max(40, "must be shorter"),
};
const valid = { WORD: "a word" };

function mistakesOf(environment: Environment): readonly string[] {
  try {
    parseConfiguration(shape, environment);
    return [];
  } catch (error) {
    return (error as ConfigurationError).mistakes;
  }
}

test("what is not given, or empty, has its default", () => {
  expect(parseConfiguration(shape, { ...valid, SIZE: "" })).toEqual({
    SIZE: 10,
    QUIET: false,
    WORD: "a word",
  });
});

test.each(["0", "101", "1.5", "-1", "1e1", " 5", "0x5", "ten"])("%s is no size", (SIZE) => {
  expect(mistakesOf({ ...valid, SIZE })).toEqual(["SIZE: must be a whole number from 1 to 100"]);
});

test.each([
  ["true", true],
  ["1", true],
  ["off", false],
])("the flag %s is %s", (QUIET, expected) => {
  expect(parseConfiguration(shape, { ...valid, QUIET }).QUIET).toBe(expected);
});

test("every mistake has its line", () => {
  const mistakes = mistakesOf({ SIZE: "x", QUIET: "perhaps" });
  expect(mistakes.map((mistake) => mistake.split(":")[0])).toEqual(["SIZE", "QUIET", "WORD"]);
});

test("a secret can be in a file, whose last end of line does not count", () => {
  const file = join(folder, "url");
  writeFileSync(file, "from a file\n");
  expect(parseConfiguration(shape, { WORD_FILE: file }).WORD).toBe("from a file");
  expect(mistakesOf({ ...valid, WORD_FILE: file })).toEqual([
    "WORD: given twice, by WORD and by WORD_FILE; keep one",
  ]);
  expect(mistakesOf({ WORD_FILE: join(folder, "missing") })).toEqual([
    "WORD: the file that WORD_FILE names can't be read (ENOENT)",
  ]);
});
