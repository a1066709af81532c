import { logSink } from "@centralcloud/service";
import { pino } from "pino";
import { expect, test } from "vitest";
import { events, type Observation } from "../support/observations.ts";

function logged(observation: Observation): unknown {
  const lines: string[] = [];
  const logger = pino(
    { level: "debug", base: null, timestamp: false },
    { write: (line: string) => void lines.push(line) },
  );
  logSink(logger, events)(observation);
  return JSON.parse(lines.join(""));
}

const batch = { source: "one", queue: "agent-sessions", batch: 1, merged: 3, duplicates: 0, ms: 2 };

test("a line has the event as its message, and the fields of the observation", () => {
  const observation = { event: "part-stopped", part: "consumer" } as const;
  expect(logged(observation)).toEqual({ level: 30, msg: "part-stopped", part: "consumer" });
});

test("of what there is one for each message of a batch, a line has the largest only", () => {
  const observation = { event: "batch-merged", ...batch, latenciesMs: [5, 70, 6] } as const;
  expect(logged(observation)).toEqual({ level: 20, msg: "batch-merged", ...batch, slowestMs: 70 });
});

test("where nothing was merged, it has none", () => {
  const observation = { event: "batch-merged", ...batch, latenciesMs: [] } as const;
  expect(logged(observation)).toEqual({ level: 20, msg: "batch-merged", ...batch });
});
