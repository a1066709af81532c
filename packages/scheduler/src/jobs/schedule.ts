import { Cron } from "croner";

/**
 * The n-th time at which a schedule is due after an instant, in UTC; undefined where there is none, or
 * where the schedule can't be read.
 *
 * @param schedule five fields of cron, or six: seconds first.
 */
export function nextDue(schedule: string, after: Date, nth = 1): Date | undefined {
  try {
    const cron = new Cron(schedule, { utcOffset: 0, mode: "5-or-6-parts" });
    return cron.nextRuns(nth, after)[nth - 1];
  } catch {
    return undefined;
  }
}
