import { definePart, type Observe, type Part } from "@centralcloud/service";
import type { SchedulerObservation } from "./observation.ts";
import { createSourceScheduler } from "./source-scheduler.ts";

export interface SchedulerOptions {
  readonly sourceUrls: readonly string[];
  /**
   * Schedules that replace the declared ones, by job: five fields of cron, or six with the seconds
   * first; in UTC. A demonstration learns every few seconds.
   */
  readonly schedules?: Readonly<Record<string, string>>;
}

/**
 * Runs the jobs of Singularity databases where pg_cron does not. Any number of schedulers may run; one
 * of them runs the jobs of a source, and the others stand by. A source that is down delays no other.
 */
export function createScheduler(
  { sourceUrls, schedules = {} }: SchedulerOptions,
  observe: Observe<SchedulerObservation>,
): Part {
  const sources = sourceUrls.map((url) => createSourceScheduler(url, schedules, observe));
  return definePart({
    name: "scheduler",
    async start() {
      await Promise.all(sources.map((source) => source.start()));
      observe({ event: "part-started", part: "scheduler" });
    },
    async stop(graceMs) {
      await Promise.all(sources.map((source) => source.stop(graceMs)));
      observe({ event: "part-stopped", part: "scheduler" });
    },
  });
}
