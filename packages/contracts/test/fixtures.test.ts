import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isQueueName } from "../src/queues.ts";
import { checkText } from "./messages.ts";

const lines = readFileSync(new URL("messages.jsonl", import.meta.url), "utf8")
  .trimEnd()
  .split("\n");

describe("fixtures", () => {
  for (const line of lines) {
    const { queue, result, note }: Record<string, string> = JSON.parse(line);
    // as written: parsing would round its numbers
    const text = line.slice(line.indexOf('"message":') + '"message":'.length, -1);

    it(`${queue}: ${note} is ${result === "invalid" ? "refused" : "accepted"}`, () => {
      if (queue === undefined || !isQueueName(queue)) throw new Error(`no queue ${queue}`);
      // whether a seal opens, only the key ring can tell
      expect(checkText(queue, text).ok).toBe(result === "accept" || result === "unreadable");
    });
  }
});
