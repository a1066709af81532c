import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  type ConfigurationError,
  databaseUrl,
  databaseUrls,
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
  URL: databaseUrl(),
  URLS: databaseUrls(),
};
const valid = { URL: "postgres://host/a", URLS: "postgres://host/a, postgresql://u:p@host:1/b" };

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
    URL: "postgres://host/a",
    URLS: ["postgres://host/a", "postgresql://u:p@host:1/b"],
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

test("every mistake has its line, and no line repeats a URL", () => {
  const mistakes = mistakesOf({
    SIZE: "x",
    QUIET: "perhaps",
    URL: "http://user:secret@host/a",
    URLS: "postgres://host/a postgres://host/a postgres://host",
  });
  expect(mistakes.map((mistake) => mistake.split(":")[0])).toEqual([
    "SIZE",
    "QUIET",
    "URL",
    "URLS",
  ]);
  expect(mistakes.join()).not.toContain("secret");
});

test("a secret can be in a file, whose last end of line does not count", () => {
  const file = join(folder, "url");
  writeFileSync(file, "postgres://u:p@host/from-file\n");
  const { URL: _, ...rest } = valid;
  expect(parseConfiguration(shape, { ...rest, URL_FILE: file }).URL).toBe(
    "postgres://u:p@host/from-file",
  );
  expect(mistakesOf({ ...valid, URL_FILE: file })).toEqual([
    "URL: given twice, by URL and by URL_FILE; keep one",
  ]);
  expect(mistakesOf({ ...rest, URL_FILE: join(folder, "missing") })).toEqual([
    "URL: the file that URL_FILE names can't be read (ENOENT)",
  ]);
});
