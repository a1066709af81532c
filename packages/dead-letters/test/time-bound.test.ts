import { describe, expect, it } from "vitest";
import { parseTimeBound, SelectionError } from "../src/index.ts";

describe("a time bound", () => {
  it("is a moment, in UTC where it names no offset", () => {
    const texts = {
      "2026-01-31": "2026-01-31 00:00Z",
      "2026-01-31T12:00": "2026-01-31T12:00Z",
      "2026-01-31 12:00:00.123456": "2026-01-31 12:00:00.123456Z",
      "2026-01-31T12:00:00Z": "2026-01-31T12:00:00Z",
      "2024-02-29T23:59:59+05:30": "2024-02-29T23:59:59+05:30",
      "2024-02-29T23:59:59-0530": "2024-02-29T23:59:59-0530",
    };
    for (const [text, at] of Object.entries(texts)) expect(parseTimeBound(text)).toEqual({ at });
  });

  it("or so long ago", () => {
    const texts = { "90s": 90, "15m": 900, "2h": 7200, "1d12h": 129_600, "1w": 604_800, "0s": 0 };
    for (const [text, secondsAgo] of Object.entries(texts)) {
      expect(parseTimeBound(text)).toEqual({ secondsAgo });
    }
  });

  it("and nothing else", () => {
    const texts = ["", "2h ago", "-2h", "2", "h", "2026-02-30", "2026-13-01", "2026-01-01T24:00Z"];
    for (const text of [
      ...texts,
      "2026-01-01T12",
      "0000-01-01",
      "now",
      "2026-01-01T12:00:00.1234567Z",
    ]) {
      expect(() => parseTimeBound(text)).toThrow(SelectionError);
    }
  });
});
