import type { Logger } from "pino";
import type { Observation, Observe } from "./observation.ts";
import { RepeatedFaults } from "./repeated-faults.ts";
import { observationWithoutContents } from "./without-contents.ts";

type Level = "debug" | "info" | "warn" | "error";

/**
 * The level of each event; the compiler asks for a line here when the union grows, and a test for one in
 * docs/operate/logs.md.
 */
export const eventLevels: Readonly<Record<Observation["event"], Level>> = {
  "part-started": "info",
  "part-stopped": "info",
  "stop-requested": "info",
  "stop-overdue": "error",
  "migration-applied": "info",
  "migration-waiting": "warn",
  "objects-applied": "info",
  "privilege-missing": "warn",
  "drift-mended": "warn",
  "drift-remains": "error",
  "extension-installed": "info",
  "pgmq-installed": "info",
  "schedules-registered": "info",
  "pg-cron-unusable": "warn",
  "scheduler-leading": "info",
  "scheduler-standing-by": "info",
  "scheduler-fault": "error",
  "job-finished": "info",
  "job-failed": "error",
  "job-fault": "error",
  "job-missed": "warn",
  "database-fault": "error",
  "database-recovered": "info",
  "source-refused": "error",
  "source-accepted": "info",
  "source-moved": "warn",
  "listener-lost": "warn",
  "listener-restored": "info",
  "ledger-pruned": "info",
  "epoch-began": "info",
  "messages-missing": "error",
  "messages-restored": "info",
  "archive-uncompared": "warn",
  "upkeep-fault": "error",
  "upkeep-recovered": "info",
  "look-failed": "warn",
  "look-recovered": "info",
  "export-failed": "warn",
  "export-recovered": "info",
  "capture-slot-created": "info",
  "capture-slot-waiting": "warn",
  "capture-reading": "info",
  "capture-standing-by": "info",
  "changes-recorded": "debug",
  "capture-progress": "debug",
  "capture-fault": "error",
  "capture-lost": "error",
  "capture-table-refused": "error",
  "capture-table-added": "info",
  "capture-publication-stale": "warn",
  "change-log-trimmed": "info",
  "console-signed-in": "info",
  "console-refused": "warn",
  "console-fault": "error",
  "batch-read": "debug",
  "batch-checked": "debug",
  "batch-merged": "debug",
  "batch-archived": "debug",
  "batch-finished": "debug",
  "message-dead-lettered": "warn",
  "messages-released": "info",
  "delivery-failed": "warn",
  "dead-letter-refused": "error",
  "lease-extended": "debug",
  "lease-lost": "warn",
  "lane-crashed": "error",
  "lane-fault": "error",
  "lane-recovered": "info",
};

/**
 * Writes each observation as one log line: its event is the message, its fields the fields, and no error
 * quotes a message or a row. A fault that goes on is written at growing intervals, with `repeated`: how often it came
 * since the line before.
 */
export function logSink(logger: Logger): Observe {
  const faults = new RepeatedFaults();
  return (observation) => {
    const level = eventLevels[observation.event];
    if (!logger.isLevelEnabled(level)) return;
    const admission = faults.admit(observation);
    if (admission === undefined) return;
    const { event, ...fields } = brief(observationWithoutContents(observation));
    logger[level]({ ...fields, ...admission }, event);
  };
}

/** Without what there is one of for each message of a batch. */
function brief(observation: Observation) {
  if (observation.event === "batch-read") {
    const { traceparents, ...rest } = observation;
    return rest;
  }
  if (observation.event !== "batch-merged") return observation;
  const { latenciesMs, ...rest } = observation;
  return latenciesMs.length === 0 ? rest : { ...rest, slowestMs: Math.max(...latenciesMs) };
}

/** One `observe` that feeds several sinks, in the given order. */
export function fanOut(...sinks: readonly Observe[]): Observe {
  return (observation) => {
    for (const sink of sinks) sink(observation);
  };
}
