import { databaseVariables, logLevel } from "@centralcloud/consumer";
import {
  assertReachable,
  type MigrationResult,
  migrate,
  type Plane,
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
        const result = await migrate(plane, url, () => {});
        console.log(`${plane} ${withoutSecrets(url)}: ${describe(result)}`);
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

function describe({ migrations, objectsApplied }: MigrationResult): string {
  if (migrations.length === 0 && objectsApplied === 0) return "up to date";
  return [
    ...migrations.map((name) => `applied ${name}`),
    ...(objectsApplied > 0 ? [`${objectsApplied} SQL objects`] : []),
  ].join(", ");
}
