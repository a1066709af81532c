import { databaseVariables, logLevel } from "@centralcloud/consumer";
import {
  assertReachable,
  type MigrationResult,
  migrate,
  type Plane,
  type ScheduleRegistration,
  withoutSecrets,
} from "@centralcloud/db";
import { type Environment, parseConfiguration } from "@centralcloud/service";
import { Command, Option } from "commander";

export function migrateCommand(environment: Environment): Command {
  return new Command("migrate")
    .description(
      "brings the databases up to date; safe to run twice and from several places at once",
    )
    .addOption(new Option("--only <side>", "one side only").choices(["singularity", "central"]))
    .action(async ({ only }: { only?: Plane }) => {
      const targets = readTargets(environment, only);
      await assertReachable(targets.map(({ url }) => url));
      for (const { plane, url } of targets) {
        const database = `${plane} ${withoutSecrets(url)}`;
        const result = await migrate(plane, url, (observation) => {
          if (observation.event !== "privilege-missing") return;
          console.error(`${database}: ${observation.message}`);
        });
        console.log(`${database}: ${describe(result)}`);
        if (result.schedules?.runner === "scheduler") {
          const remedy = "keep `centralcloud scheduler` running, or migrate as a superuser";
          console.error(`pg_cron can't run the jobs: ${result.schedules.reason}; ${remedy}`);
        }
      }
    });
}

function readTargets(
  environment: Environment,
  only: Plane | undefined,
): { plane: Plane; url: string }[] {
  const { SOURCE_DATABASE_URLS, CENTRAL_DATABASE_URL } = databaseVariables;
  const targets: { plane: Plane; url: string }[] = [];
  if (only === "singularity") {
    const values = parseConfiguration({ SOURCE_DATABASE_URLS, LOG_LEVEL: logLevel }, environment);
    targets.push(...values.SOURCE_DATABASE_URLS.map((url) => ({ plane: only, url })));
  } else if (only === "central") {
    const values = parseConfiguration({ CENTRAL_DATABASE_URL, LOG_LEVEL: logLevel }, environment);
    targets.push({ plane: only, url: values.CENTRAL_DATABASE_URL });
  } else {
    const values = parseConfiguration(databaseVariables, environment);
    targets.push(
      ...values.SOURCE_DATABASE_URLS.map((url) => ({ plane: "singularity" as const, url })),
      { plane: "central", url: values.CENTRAL_DATABASE_URL },
    );
  }
  return targets;
}

function describe({ migrations, objectsApplied, schedules }: MigrationResult): string {
  const changes = [
    ...migrations.map((name) => `applied ${name}`),
    ...(objectsApplied > 0 ? [`${objectsApplied} SQL objects`] : []),
    ...(schedules?.runner === "pg_cron" ? describeSchedules(schedules) : []),
  ];
  return changes.length === 0 ? "up to date" : changes.join(", ");
}

function describeSchedules({
  added,
  changed,
  removed,
}: Extract<ScheduleRegistration, { runner: "pg_cron" }>): readonly string[] {
  const counts = { added, changed, removed };
  return Object.entries(counts).flatMap(([verb, jobs]) =>
    jobs.length > 0 ? [`${jobs.length} jobs of pg_cron ${verb}`] : [],
  );
}
