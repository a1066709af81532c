import {
  createHttpServer,
  createLogger,
  databaseVariables,
  httpAddress,
  logFormat,
  logLevel,
} from "@centralcloud/consumer";
import { cutAllConnections } from "@centralcloud/postgres";
import type { SchedulerObservation } from "@centralcloud/scheduler";
import { createScheduler, schedulerEvents } from "@centralcloud/scheduler";
import {
  type Environment,
  fanOut,
  groupParts,
  logSink,
  type Observe,
  observationWithoutContents,
  parseConfiguration,
  runUntilSignal,
  wholeNumber,
} from "@centralcloud/service";
import { Command } from "commander";

const variables = {
  SOURCE_DATABASE_URLS: databaseVariables.SOURCE_DATABASE_URLS,
  CONSUMER_SHUTDOWN_GRACE_S: wholeNumber(0, 3_600, 25),
  LOG_LEVEL: logLevel,
  LOG_FORMAT: logFormat,
  SCHEDULER_HTTP_PORT: wholeNumber(0, 65_535, 0).unwrap().optional(),
  SCHEDULER_HTTP_ADDRESS: httpAddress,
};

/** The name of every variable that the scheduler reads; each may be given as `NAME_FILE`, too. */
export const schedulerVariables: readonly string[] = Object.keys(variables);

export function schedulerCommand(environment: Environment): Command {
  return new Command("scheduler")
    .description("runs the jobs of sources that have no pg_cron, until SIGTERM or SIGINT")
    .action(async () => {
      const values = parseConfiguration(variables, environment);
      const health = createHealth();
      const logger = createLogger(values.LOG_LEVEL, 1, { format: values.LOG_FORMAT, environment });
      const tell = fanOut(logSink(logger, schedulerEvents), health.observe);
      // Neither the log nor the port gets what must not leave the process.
      const observe: Observe<SchedulerObservation> = (observation) =>
        tell(observationWithoutContents(observation));
      const scheduler = createScheduler({ sourceUrls: values.SOURCE_DATABASE_URLS }, observe);
      const { SCHEDULER_HTTP_PORT: port, SCHEDULER_HTTP_ADDRESS: address } = values;
      const names = { port: "SCHEDULER_HTTP_PORT", address: "SCHEDULER_HTTP_ADDRESS" };
      const place = address === undefined ? {} : { address };
      const answering = { health: health.report, variables: names, observe };
      const parts = port === undefined ? [] : [createHttpServer({ port, ...place, ...answering })];
      await runUntilSignal(groupParts("scheduler service", [...parts, scheduler]), {
        graceS: values.CONSUMER_SHUTDOWN_GRACE_S,
        observe,
        cutConnections: cutAllConnections,
      });
    });
}

/** What a scheduler does at each source, by what was observed last. A source that is away makes it not less ready. */
function createHealth() {
  const sources = new Map<string, { readonly state: string; readonly error?: string }>();
  let ready = false;
  return {
    observe(observation: SchedulerObservation): void {
      switch (observation.event) {
        case "part-started":
          if (observation.part === "scheduler") ready = true;
          break;
        case "scheduler-leading":
          sources.set(observation.source, { state: "leading" });
          break;
        case "scheduler-standing-by":
          sources.set(observation.source, { state: `standing by: ${observation.why}` });
          break;
        case "scheduler-fault":
          sources.set(observation.source, { state: "faulty", error: observation.error });
          break;
        default:
      }
    },
    report: () => ({
      ready,
      sources: [...sources].map(([source, state]) => ({ source, ...state })),
    }),
  };
}
