import { type ConsumerObservation, consumerEvents } from "@centralcloud/consumer";
import { type MigrationObservation, migrationEvents } from "@centralcloud/db";
import { type SchedulerObservation, schedulerEvents } from "@centralcloud/scheduler";
import type { Events } from "@centralcloud/service";

/** Everything that the parts of the local system tell. */
export type Observation = MigrationObservation | SchedulerObservation | ConsumerObservation;

export const events: Events<Observation> = {
  ...migrationEvents,
  ...schedulerEvents,
  ...consumerEvents,
};
