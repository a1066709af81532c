import type { Side } from "@centralcloud/postgres";
import { type Events, type PartObservation, partEvents } from "@centralcloud/service";

/** What happened to the jobs of a source, which has its name, or its place until the name is known. */
export type JobObservation = { readonly source: string } & (
  | { readonly event: "scheduler-leading" }
  | {
      readonly event: "scheduler-standing-by";
      /** Who runs the jobs. */
      readonly why: "another scheduler" | "pg_cron";
      /** The other scheduler: its process, login and application. */
      readonly leader?: string;
    }
  | { readonly event: "scheduler-fault"; readonly error: string; readonly retryInMs: number }
  | {
      readonly event: "job-finished";
      readonly job: string;
      readonly status: "succeeded" | "skipped";
      readonly ms: number;
    }
  | {
      readonly event: "job-failed";
      readonly job: string;
      readonly ms: number;
      readonly error: string;
    }
  /** It could not be run, or its connection broke: nobody knows how it ended. */
  | { readonly event: "job-fault"; readonly job: string; readonly error: string }
  /** pg_cron has it and did not start it in time, so the scheduler does. */
  | { readonly event: "job-missed"; readonly job: string; readonly lateMs: number }
);

/** Who runs the jobs of a source that was migrated, where that has changed. */
export type RegistrationObservation =
  | {
      readonly event: "schedules-registered";
      readonly side: Side;
      /** The role that the jobs run as. */
      readonly owner: string;
      readonly added: readonly string[];
      readonly changed: readonly string[];
      readonly removed: readonly string[];
    }
  | { readonly event: "pg-cron-unusable"; readonly side: Side; readonly reason: string };

/** Everything that the scheduler, and the registration with pg_cron, tell. */
export type SchedulerObservation = PartObservation | JobObservation | RegistrationObservation;

/** How each of them is logged. */
export const schedulerEvents: Events<SchedulerObservation> = {
  ...partEvents,
  "scheduler-leading": { level: "info", ends: ["scheduler-fault"] },
  "scheduler-standing-by": { level: "info", ends: ["scheduler-fault"] },
  "scheduler-fault": { level: "error", fault: { about: ["source"], reason: ["error"] } },
  "job-finished": { level: "info", ends: ["job-failed", "job-fault"] },
  "job-failed": { level: "error", fault: { about: ["source", "job"], reason: ["error"] } },
  "job-fault": { level: "error", fault: { about: ["source", "job"], reason: ["error"] } },
  "job-missed": { level: "warn", fault: { about: ["source", "job"], reason: [] } },
  "schedules-registered": { level: "info" },
  "pg-cron-unusable": { level: "warn" },
};
