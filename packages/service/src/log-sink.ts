import type { Logger } from "pino";
import type { EventKind, Events, Observe, ObservedEvent } from "./observation.ts";
import { RepeatedFaults } from "./repeated-faults.ts";
import { observationWithoutContents } from "./without-contents.ts";

/**
 * Writes each observation as one log line: its event is the message, its fields the fields, and no error
 * quotes a message or a row. A fault that continues is written at growing intervals, with `repeated`: how often it came
 * since the line before.
 *
 * @param events those that may come, and how each is logged.
 */
export function logSink<One extends ObservedEvent>(
  logger: Logger,
  events: Events<One>,
): Observe<One> {
  const kinds = events as unknown as Readonly<Record<string, EventKind<One> | undefined>>;
  const faults = new RepeatedFaults(events);
  return (observation) => {
    const { level = "info", brief } = kinds[observation.event] ?? {};
    if (!logger.isLevelEnabled(level)) return;
    const admission = faults.admit(observation);
    if (admission === undefined) return;
    const safe = observationWithoutContents(observation);
    const { event, ...fields } = { ...(brief?.(safe) ?? safe), event: safe.event };
    logger[level]({ ...fields, ...admission }, event);
  };
}
