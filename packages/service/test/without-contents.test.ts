import { describe, expect, test } from "vitest";
import {
  describeCrash,
  observationWithoutContents,
  withoutContents,
  wordsOf,
} from "../src/index.ts";

const secret = "SECRET-1f2e";

describe("an error that may quote a row says its code only", () => {
  test.each(["22P02", "23514", "54000", "P0001"])("%s", (code) => {
    expect(withoutContents(`refused: "${secret}"`, code)).toBe(`refused by the database (${code})`);
    expect(withoutContents(`refused: "${secret}" (${code})`)).toContain(code);
    expect(withoutContents(`refused: "${secret}" (${code})`)).not.toContain(secret);
  });

  test("and so does a text that could not be parsed", () => {
    for (const text of [`${secret}`, `{"a": ${secret}}`, `{"a": "${secret}`, `["${secret}" 1]`]) {
      let thrown: unknown;
      try {
        JSON.parse(text);
      } catch (error) {
        thrown = error;
      }
      expect(wordsOf(thrown)).toBe("a text that is not JSON");
    }
  });
});

test.each([
  [`role "consumer_1" does not exist`, "28000"],
  [`relation "pgmq.q_x" does not exist`, "42P01"],
  ["connect ECONNREFUSED 127.0.0.1:1", "ECONNREFUSED"],
  ["sealed must be a JSON object", undefined],
])("an error of the infrastructure keeps its words: %s", (message, code) => {
  expect(withoutContents(message, code)).toBe(message);
});

describe("an observation about a message", () => {
  const lane = { source: "s", queue: "q" };
  const died = (reason: string) => ({
    event: "message-dead-lettered",
    ...lane,
    msgId: "1",
    deadLetterId: "2",
    reason,
    code: "XX000",
    error: secret,
  });

  test.each(["rejected", "failed", "unreadable", "a reason of the future"])("%s", (reason) => {
    expect(observationWithoutContents(died(reason))).toEqual({
      ...died(reason),
      error: "refused (XX000)",
    });
  });

  test.each(["invalid", "too-large", "delivery-limit"])(
    "%s keeps its words, which are ours",
    (reason) => {
      expect(observationWithoutContents(died(reason))).toEqual(died(reason));
    },
  );
});

test("a crash tells where, and no detail of the row", () => {
  const error = Object.assign(new Error(`duplicate ${secret}`), { code: "23505", detail: secret });
  const text = describeCrash(error);
  expect(text).toMatch(/^Error: refused by the database \(23505\)\n\s+at .*without-contents\.test/);
  expect(text).not.toContain(secret);
});
