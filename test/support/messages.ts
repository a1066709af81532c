import { readFileSync } from "node:fs";
import type { QueueName } from "@centralcloud/contracts";

let counter = 0;

/** The JSON text of a valid pattern message; each call makes another pattern, unless it is given. */
export function patternMessage(changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    agent_id: "agent-1",
    pattern: { type: "retry", number: counter++ },
    confidence: 0.9,
    learned_at: "2025-10-25T10:00:00Z",
    source: "test",
    ...changes,
  });
}

export interface Fixture {
  readonly queue: QueueName;
  readonly result: string;
  readonly note: string;
  /** The message's JSON text exactly as the file has it: parsing would round its numbers. */
  readonly text: string;
}

/** The fixtures, one a line: `{"queue", "result", "note", "message"}`, the message last. */
export function readFixtures(): Fixture[] {
  const file = new URL("../../packages/contracts/test/messages.jsonl", import.meta.url);
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const { queue, result, note } = JSON.parse(line) as Fixture;
      const text = /"message":(.*)\}$/.exec(line)?.[1] ?? "";
      return { queue, result, note, text };
    });
}
