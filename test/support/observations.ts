import { type ConsoleObservation, consoleEvents } from "@centralcloud/console";
import { type ConsumerObservation, consumerEvents } from "@centralcloud/consumer";
import { type MigrationObservation, migrationEvents } from "@centralcloud/db";
import { type WorkerObservation, workerEvents } from "@centralcloud/dead-letters";
import { type SchedulerObservation, schedulerEvents } from "@centralcloud/scheduler";
import type { Events } from "@centralcloud/service";

/** Everything that any program of ours tells. */
export type Observation =
  | MigrationObservation
  | SchedulerObservation
  | ConsumerObservation
  | WorkerObservation
  | ConsoleObservation;

export const events: Events<Observation> = {
  ...migrationEvents,
  ...schedulerEvents,
  ...consumerEvents,
  ...workerEvents,
  ...consoleEvents,
};
