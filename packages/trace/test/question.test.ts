import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  isWithin,
  momentAt,
  normalized,
  parseMessage,
  parseTraceTime,
  shifted,
  timeOfUlid,
} from "../src/question.ts";

describe("a message", () => {
  test("is named by its id or by the ULID of its header", () => {
    expect(parseMessage("007")).toEqual({ msgId: "7" });
    expect(parseMessage("9223372036854775807")).toEqual({ msgId: "9223372036854775807" });
    expect(parseMessage("01arz3ndektsv4rrffq69g5fav")).toEqual({
      messageId: "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    });
  });

  test.each(["", "-1", "9223372036854775808", "1.5", "agent-1", "81ARZ3NDEKTSV4RRFFQ69G5FAV"])(
    "is not named by %j",
    (text) => {
      expect(() => parseMessage(text)).toThrow(/neither the id of a message .* nor a ULID/);
    },
  );

  test("says by its ULID when that was made", () => {
    expect(new Date(timeOfUlid("01ARZ3NDEKTSV4RRFFQ69G5FAV")).toISOString()).toBe(
      "2016-07-30T23:54:10.259Z",
    );
  });
});

describe("a time of day", () => {
  const zone = process.env.TZ;
  beforeEach(() => {
    process.env.TZ = "Europe/Berlin";
  });
  afterEach(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });

  test("is the last one that there was, in the time zone of this machine", () => {
    const now = new Date("2026-01-31T14:00:00Z");
    const at = (text: string) => momentAt(parseTraceTime(text), now);
    expect(at("14:02")).toBe("2026-01-31T13:02:00.000000Z");
    expect(at("15:00:00")).toBe("2026-01-31T14:00:00.000000Z");
    expect(at("15:00:01")).toBe("2026-01-30T14:00:01.000000Z");
    expect(at("9:05")).toBe("2026-01-31T08:05:00.000000Z");
  });

  test.each(["24:00", "1402", "14:2", "14:02 Uhr", ""])("is not %j", (text) => {
    expect(() => parseTraceTime(text)).toThrow();
  });
});

test("other times are those that all commands take: ISO 8601, in UTC without an offset, and durations before now", () => {
  const now = new Date("2026-01-31T14:00:00Z");
  const at = (text: string) => momentAt(parseTraceTime(text), now);
  expect(at("2h")).toBe("2026-01-31T12:00:00.000000Z");
  expect(at("2026-01-31")).toBe("2026-01-31T00:00:00.000000Z");
  expect(at("2026-01-31T12:00:00.123456+02:00")).toBe("2026-01-31T10:00:00.123456Z");
});

test("a time of a database keeps its microseconds, and one that can't be read is none", () => {
  expect(normalized("2026-01-31 12:00:00.5+00")).toBe("2026-01-31T12:00:00.500000Z");
  expect(normalized("2026-01-31T12:00:00.123456+0530")).toBe("2026-01-31T06:30:00.123456Z");
  for (const text of ["infinity", "2026-13-01T00:00:00Z", "soon", "", "12026-01-01 00:00:00+00"]) {
    expect(normalized(text)).toBeUndefined();
  }
});

test("a moment that is shifted keeps its microseconds", () => {
  expect(shifted("2026-01-31T12:00:00.123456Z", -0.5)).toBe("2026-01-31T11:59:59.623456Z");
});

test("both ends belong to a window, and one that is open has none", () => {
  const moment = "2026-01-31T12:00:00.000000Z";
  expect(isWithin(moment, { from: moment, to: moment })).toBe(true);
  expect(isWithin(moment, { from: null, to: null })).toBe(true);
  expect(isWithin(moment, { from: "2026-01-31T12:00:00.000001Z", to: null })).toBe(false);
  expect(isWithin(moment, { from: null, to: "2026-01-31T11:59:59.999999Z" })).toBe(false);
});
