import { describe, expect, it } from "vitest";
import { checkWith, issuesOf } from "./messages.ts";

const queue = "agent-knowledge-updates";

const good = [
  "2025-10-25T10:00:00Z",
  "2025-10-25T10:00:00",
  "2025-10-25T10:00",
  "2025-10-25T10:00Z",
  "2025-10-25T10:00+02",
  "2025-10-25T10:00:00+0200",
  "2025-10-25T10:00:00.1+02:00",
  "2025-10-25T10:00:00.12345678901234567890-05:30",
  "2025-10-25t10:00:00z",
  "2025-10-25T10:00:00-00:00",
  "2025-10-25T10:00:00+15:59",
  "2024-02-29T00:00:00Z",
  "2000-02-29T00:00:00Z",
  "0004-02-29T00:00:00Z",
  "0001-01-01T00:00:00Z",
  "9999-12-31T23:59:59.999999Z",
  "2016-12-31T23:59:60Z",
  "2017-01-01T00:59:60.5+01:00",
];
const bad = [
  "yesterday",
  "",
  "infinity",
  "now",
  "2025-10-25",
  "2025-10-25 10:00:00Z",
  "2025-10-25T10Z",
  "20251025T100000Z",
  "2025-W43-6T10:00:00Z",
  "2025-10-25T10:00:00 Z",
  " 2025-10-25T10:00:00Z",
  "2025-10-25T10:00:00Z\n",
  "2025-10-25T10:00:00.Z",
  "2025-10-25T10:00:00,5Z",
  "2025-10-25T10:00:00.123456789012345678901Z",
  "2025-10-25T24:00:00Z",
  "2025-10-25T10:60:00Z",
  "2025-10-25T10:00:61Z",
  "2025-10-25T10:00:00+16:00",
  "2025-10-25T10:00:00+15:60",
  "2025-10-25T10:00:00+2",
  "2025-10-25T10:00:00+02:0",
  "2025-10-25T10:00:00 Europe/Berlin",
  "2025-00-25T10:00:00Z",
  "2025-13-25T10:00:00Z",
  "2025-10-00T10:00:00Z",
  "2025-10-32T10:00:00Z",
  "2025-04-31T10:00:00Z",
  "2025-02-29T10:00:00Z",
  "2024-02-30T10:00:00Z",
  "1900-02-29T10:00:00Z",
  "2100-02-29T10:00:00Z",
  "0000-01-01T00:00:00Z",
  "-0001-01-01T00:00:00Z",
  "10000-01-01T00:00:00Z",
  "+002025-10-25T10:00:00Z",
  "٢٠٢٥-10-25T10:00:00Z",
  // PostgreSQL: "date/time field value out of range"
  "2016-12-31T23:59:60.5Z",
];

describe("a timestamp", () => {
  it.each(good)("may be %j", (text) => {
    expect(issuesOf(checkWith(queue, { updated_at: text }))).toEqual([]);
  });

  it.each(bad)("must not be %j", (text) => {
    expect(issuesOf(checkWith(queue, { updated_at: text }))).toEqual([
      {
        path: "updated_at",
        code: "malformed",
        message: "updated_at must be an ISO 8601 timestamp, like 2025-10-25T10:00:00Z",
      },
    ]);
  });

  it.each([{ value: 1761386400 }, { value: true }, { value: {} }, { value: [] }])(
    "must not be $value",
    ({ value }) => {
      expect(issuesOf(checkWith(queue, { updated_at: value }))).toMatchObject([
        { path: "updated_at", code: "wrong_type" },
      ]);
    },
  );

  it("has 29 February in leap years of the Gregorian calendar only", () => {
    for (let year = 1; year <= 9999; year += 1) {
      const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
      const updated_at = `${String(year).padStart(4, "0")}-02-29T10:00:00Z`;
      expect(checkWith(queue, { updated_at }).ok, updated_at).toBe(isLeap);
    }
  });
});
