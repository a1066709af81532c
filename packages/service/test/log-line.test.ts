import fc from "fast-check";
import { expect, test } from "vitest";
import { logLine, maxLogLine } from "../src/log-line.ts";

const line = (fields: object) => `${JSON.stringify(fields)}\n`;

test("a line that is short and harmless stays as it is", () => {
  const short = line({ level: 30, msg: "part-started", part: "consumer" });
  expect(logLine(short)).toBe(short);
});

test("a long text is cut, and how much is said", () => {
  const long = line({ level: 50, msg: "lane-fault", error: "x".repeat(100_000), code: "XX000" });
  const written = JSON.parse(logLine(long));
  expect(written).toMatchObject({ level: 50, msg: "lane-fault", code: "XX000" });
  expect(written.error).toBe("x".repeat(1_000));
  expect(written.cut).toBeGreaterThan(98_000);
});

test("a line of very many fields says what happened, and where", () => {
  const fields = Object.fromEntries(
    Array.from({ length: 5_000 }, (_, index) => [`f${index}`, "y"]),
  );
  const written = JSON.parse(
    logLine(line({ level: 30, msg: "batch-read", queue: "q", ...fields })),
  );
  expect(written).toMatchObject({ level: 30, msg: "batch-read", queue: "q" });
});

test("whatever it is given, it is one line of JSON that is not too long", () => {
  const fields = fc.dictionary(
    fc.string(),
    fc.oneof(fc.string({ unit: "binary", maxLength: 40_000 }), fc.array(fc.string())),
  );
  fc.assert(
    fc.property(fields, (given) => {
      const written = logLine(line({ msg: "event", ...given }));
      expect(written.length).toBeLessThanOrEqual(maxLogLine);
      expect(written.split("\n")).toHaveLength(2);
      expect(JSON.parse(written)).toHaveProperty("msg");
    }),
  );
});
