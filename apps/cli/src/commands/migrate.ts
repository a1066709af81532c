import { databaseVariables, logLevel } from "@centralcloud/consumer";
import {
  hasNothingToMigrate,
  type LandedName,
  landedNames,
  type MigrationPlan,
  planMigration,
  sideNamed,
} from "@centralcloud/db";
import { messageOf, type Side, withoutSecrets } from "@centralcloud/postgres";
import {
  migrateAndSchedule,
  type ScheduledMigration,
  type ScheduleRegistration,
} from "@centralcloud/scheduler";
import { type Environment, mapInTurn, parseConfiguration, printable } from "@centralcloud/service";
import { Command, Option } from "commander";
import { print, printError } from "../output.ts";
import { countSteps } from "../progress.ts";
import { isOutOfReach, type Silence, SourcesMissingError } from "../sources.ts";

export function migrateCommand(environment: Environment): Command {
  return new Command("migrate")
    .description(
      "brings the databases up to date; safe to run twice and from several places at once",
    )
    .addOption(new Option("--only <side>", "one side only").choices(landedNames))
    .option(
      "--dry-run",
      "says what would be changed, and changes nothing; exit code 1 where something would",
    )
    .action(async ({ only, dryRun }: { only?: LandedName; dryRun?: true }) => {
      const targets = readTargets(environment, only && sideNamed(only));
      if (dryRun) return await tellPlans(targets);
      // Where one of them can't be reached, none is changed.
      const step = countSteps(targets.length, "databases looked at");
      const isDone = await mapInTurn(targets, turns, ({ side, url }) =>
        hasNothingToMigrate(side, url).finally(step),
      );
      const upToDate = new Set(targets.filter((_, index) => isDone[index]));
      const failures = await inOrder(targets, async (target, say) => {
        if (!upToDate.has(target)) return await migrateOne(target, say);
        say("up to date");
        return 0;
      });
      if (failures.some((count) => count > 0)) {
        throw new Error("what could not be repaired needs a decision of yours");
      }
    });
}

/** Databases at a time; one that does not answer within a second delays no other. */
const turns = { limit: 16, answerTimeoutMs: 1_000 };

interface Target {
  readonly side: Side;
  readonly url: string;
}

/** What a database is told to say: a line of standard output, or of standard error. */
type Say = (line: string, isProblem?: boolean) => void;

/** How many things could not be repaired that no right of the login would repair. */
async function migrateOne({ side, url }: Target, say: Say): Promise<number> {
  const result = await migrateAndSchedule(side, url, (observation) => {
    if (observation.event === "privilege-missing") say(observation.message, true);
    else if (observation.event === "drift-repaired") say(`repaired: ${observation.what}`);
    else if (observation.event === "drift-remains") {
      say(`could not be repaired: ${observation.what} (${observation.reason})`, true);
    }
  });
  say(describe(result));
  if (result.schedules?.runner === "scheduler") {
    const remedy = "keep `centralcloud scheduler` running, or migrate as a superuser";
    say(`pg_cron can't run the jobs: ${result.schedules.reason}; ${remedy}`, true);
  }
  return result.remaining.filter(({ isForbidden }) => !isForbidden).length;
}

/**
 * Says what a migration would do, a line each, also where others can't be reached.
 *
 * @throws {SourcesMissingError} once it is said.
 */
async function tellPlans(targets: readonly Target[]): Promise<void> {
  const unreachable: Silence[] = [];
  const counts = await inOrder(targets, async ({ side, url }, say) => {
    try {
      const lines = describePlan(await planMigration(side, url));
      for (const line of lines.length > 0 ? lines : ["up to date"]) say(line);
      return lines.length;
    } catch (error) {
      if (!isOutOfReach(error)) throw error;
      unreachable.push({ source: `${side} ${withoutSecrets(url)}`, reason: messageOf(error) });
      return 0;
    }
  });
  if (unreachable.length > 0) throw new SourcesMissingError({ unreachable, failed: [] });
  if (counts.some((count) => count > 0)) {
    throw new Error("nothing was changed; without --dry-run the above would be done");
  }
}

/**
 * Works on several databases at a time. What each says is printed together, in the order of the databases; one
 * that fails keeps no other from being done, and its error is thrown when all have ended.
 */
async function inOrder<Result>(
  targets: readonly Target[],
  work: (target: Target, say: Say) => Promise<Result>,
): Promise<readonly Result[]> {
  const ended = new Map<number, readonly (() => void)[]>();
  let next = 0;
  const step = countSteps(targets.length, "databases");
  return await mapInTurn(
    [...targets.entries()],
    { limit: turns.limit },
    async ([index, target]) => {
      const lines: (() => void)[] = [];
      try {
        return await work(target, (line, isProblem = false) => {
          const text = `${target.side} ${withoutSecrets(target.url)}: ${printable(line)}`;
          lines.push(() => (isProblem ? printError(text) : print(text)));
        });
      } finally {
        step();
        ended.set(index, lines);
        for (; ended.has(next); next += 1) for (const tell of ended.get(next) ?? []) tell();
      }
    },
  );
}

function describePlan({ migrations, appliesObjects, repairs }: MigrationPlan): readonly string[] {
  return [
    ...migrations.map((name) => `would apply ${name}`),
    ...(appliesObjects ? ["would apply its functions, views, roles and grants"] : []),
    ...repairs.map((what) => `would repair: ${what}`),
  ];
}

function readTargets(environment: Environment, only: Side | undefined): Target[] {
  const { SOURCE_DATABASE_URLS, CENTRAL_DATABASE_URL } = databaseVariables;
  const targets: Target[] = [];
  if (only === "source") {
    const values = parseConfiguration({ SOURCE_DATABASE_URLS, LOG_LEVEL: logLevel }, environment);
    targets.push(...values.SOURCE_DATABASE_URLS.map((url) => ({ side: only, url })));
  } else if (only === "central") {
    const values = parseConfiguration({ CENTRAL_DATABASE_URL, LOG_LEVEL: logLevel }, environment);
    targets.push({ side: only, url: values.CENTRAL_DATABASE_URL });
  } else {
    const values = parseConfiguration(databaseVariables, environment);
    targets.push(...values.SOURCE_DATABASE_URLS.map((url) => ({ side: "source" as const, url })), {
      side: "central",
      url: values.CENTRAL_DATABASE_URL,
    });
  }
  return targets;
}

function describe(result: ScheduledMigration): string {
  const { migrations, objectsApplied, repaired, remaining, schedules } = result;
  const changes = [
    ...migrations.map((name) => `applied ${name}`),
    ...(objectsApplied > 0 ? [`${objectsApplied} SQL objects`] : []),
    ...(repaired.length > 0 ? [`${repaired.length} repaired`] : []),
    ...(remaining.length > 0 ? [`${remaining.length} not repaired`] : []),
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
