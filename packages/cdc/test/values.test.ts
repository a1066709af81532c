import { formatLsn, parseLsn } from "@centralcloud/postgres";
import { describe, expect, test } from "vitest";
import { toJsonText } from "../src/decode/json-value.ts";
import { captureName } from "../src/slot/capture-slot.ts";
import { slotNameFor } from "../src/slot/slot-name.ts";
import { formatMicroseconds, formatTimestamp } from "../src/timestamp.ts";

describe("an LSN", () => {
  test.each(["0/0", "0/1F29570", "16/B374D848", "FFFFFFFF/FFFFFFFF"])(
    "%s is read and written",
    (text) => {
      expect(formatLsn(parseLsn(text))).toBe(text);
    },
  );

  test.each(["", "0", "0/G", "123456789/0", "0/0; drop"])("%s is none", (text) => {
    expect(() => parseLsn(text)).toThrow("is no LSN");
  });
});

describe("a value as JSON", () => {
  test.each([
    ["numeric", 1700, "12345678901234567890.10", "12345678901234567890.10"],
    ["negative", 23, "-5", "-5"],
    ["not a number", 701, "NaN", '"NaN"'],
    ["infinite", 701, "-Infinity", '"-Infinity"'],
    ["true, as pgoutput has it", 16, "t", "true"],
    ["false, as wal2json has it", 16, "false", "false"],
    ["jsonb", 3802, '{"a": 0.10}', '{"a": 0.10}'],
    ["json that jsonb refuses", 114, '"\\u0000"', '"\\"\\\\u0000\\""'],
    ["json with a number beyond numeric", 114, "1e999999", '"1e999999"'],
    ["bytea, as wal2json has it", 17, "0102", '"\\\\x0102"'],
    ["bytea, as pgoutput has it", 17, "\\x0102", '"\\\\x0102"'],
    ["text with what JSON escapes", 25, 'a"\n\\', '"a\\"\\n\\\\"'],
    ["an array", 1007, "{1,2}", '"{1,2}"'],
  ])("%s", (_, typeOid, text, expected) => {
    expect(toJsonText(typeOid, text)).toBe(expected);
    expect(() => JSON.parse(toJsonText(typeOid, text))).not.toThrow();
  });
});

test("both plugins' timestamps are one, to the microsecond", () => {
  const expected = "2026-11-24T15:15:12.670810Z";
  expect(formatTimestamp("2026-11-24 15:15:12.67081+00")).toBe(expected);
  expect(formatMicroseconds(848_848_512_670_810n)).toBe(expected);
  expect(formatTimestamp("2026-11-24 15:15:12+00")).toBe("2026-11-24T15:15:12.000000Z");
  expect(() => formatTimestamp("2026-11-24 15:15:12+02")).toThrow("no timestamp in UTC");
  // What no clock shows could not be kept, and the central store would be blamed.
  for (const text of ["294276-11-24 15:15:12+00", "0044-03-15 15:15:12+00 BC", "infinity"]) {
    expect(() => formatTimestamp(text)).toThrow("no timestamp in UTC");
  }
  const extremes = [-(2n ** 63n), 2n ** 63n - 1n, -946_684_800_000_001n, 252_455_616_000_000_000n];
  for (const time of extremes) {
    expect(() => formatMicroseconds(time)).toThrow("outside of the years 1970 to 9999");
  }
});

describe("the slot of a second database on a server", () => {
  test("has that database's name behind the usual one", () => {
    expect(slotNameFor("singularity_2")).toBe(`${captureName}_singularity_2`);
  });

  test.each(["Ümlaut", "with-dash", "x".repeat(63), `${"x".repeat(62)}y`])(
    "is valid and its own also for %s",
    (database) => {
      const name = slotNameFor(database);
      expect(name).toMatch(/^[a-z0-9_]{1,63}$/);
      expect(name).not.toBe(slotNameFor(`${database.slice(0, -1)}z`));
    },
  );
});
