import { withCheckout } from "./process.ts";
import {
  CannotMeasureError,
  type Contender,
  type Goal,
  type Lab,
  type Plan,
  type Scenario,
} from "./scenario.ts";
import { type Figures, ratiosOf, type Spread, spreadOf, valuesOf } from "./statistics.ts";

/** All runs of one contender. */
export interface Series {
  readonly name: string;
  readonly detail: string;
  readonly runs: readonly Figures[];
}

export interface CheckResult {
  readonly goal: Goal;
  /** The figure, or the ratio of each round. */
  readonly measured: Spread;
  /** By the median; undefined where nothing is expected of it, or the run was too small to tell. */
  readonly holds: boolean | undefined;
}

export interface ScenarioReport {
  readonly name: string;
  readonly title: string;
  readonly series: readonly Series[];
  readonly checkResults: readonly CheckResult[];
  readonly columns: Plan["columns"];
  readonly baseline: string | undefined;
  /** Why it ended early: a run lost a message, or could not be made. */
  readonly failure: string | undefined;
  /** What this server lacks for it. */
  readonly skipped: string | undefined;
}

/**
 * Runs a scenario's contenders in turn, round after round (A B, A B, …), each on fresh databases. The
 * first error ends it, with what was measured until then.
 *
 * @param say told of each run, as it is finished.
 */
export async function runScenario(
  scenario: Scenario,
  lab: Lab,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<ScenarioReport> {
  const plan = withOtherCheckout(scenario.plan(lab), lab.options.against);
  const { only, quick } = lab.options;
  const contenders = plan.contenders.filter(
    ({ name }) => isWanted(name, only) && (!quick || (plan.quick?.includes(name) ?? true)),
  );
  const rounds = Math.min(lab.options.repeat, plan.mostRounds ?? lab.options.repeat);
  const runs = new Map<Contender, Figures[]>(contenders.map((contender) => [contender, []]));
  let failure: string | undefined;
  let skipped: string | undefined;
  try {
    for (const contender of contenders) {
      signal.throwIfAborted();
      await contender.prepare?.();
    }
    for (let round = 1; round <= rounds; round++) {
      for (const contender of contenders) {
        signal.throwIfAborted();
        const figures = await contender.run();
        runs.get(contender)?.push(figures);
        say(`${scenario.name} ${round}/${rounds}: ${contender.name}${brief(plan, figures)}`);
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof CannotMeasureError) skipped = message;
    else failure = message;
    say(`${scenario.name}: ${skipped === undefined ? "FAILED" : "skipped"}: ${message}`);
  }
  const series = contenders.map((contender) => ({
    name: contender.name,
    detail: contender.detail,
    runs: runs.get(contender) ?? [],
  }));
  const checkResults = plan.goals.flatMap((goal) => judge(goal, series, quick) ?? []);
  const { columns, baseline } = plan;
  const { name, title } = scenario;
  return { name, title, series, checkResults, columns, baseline, failure, skipped };
}

/**
 * Adds to each contender of ours, as `NAME@other`, the same with the programs of another checkout; with the ratio of the
 * two in each column, and each goal for the other one, too.
 */
export function withOtherCheckout(plan: Plan, folder: string | undefined): Plan {
  if (folder === undefined) return plan;
  const ours = new Set(plan.contenders.filter(({ isOurs }) => isOurs).map(({ name }) => name));
  const otherOf = (name: string) => (ours.has(name) ? `${name}@other` : name);
  const contenders = plan.contenders.flatMap((contender): Contender[] => {
    const { name, detail, isOurs } = contender;
    if (!isOurs) return [contender];
    const run = () => withCheckout(folder, () => contender.run());
    const prepare = once(async () => contender.prepare?.());
    return [
      { ...contender, prepare },
      { name: otherOf(name), detail: `${detail}; the programs of ${folder}`, prepare, run },
    ];
  });
  const figures = plan.columns.filter(({ figure }) => figure !== "messages");
  const ratios = [...ours].flatMap((name) =>
    figures.map(({ figure, heading }): Goal => {
      const what = `${name} against ${otherOf(name)}, ${heading}`;
      return { what, contender: name, figure, versus: otherOf(name) };
    }),
  );
  const goals = plan.goals.flatMap((goal): Goal[] => {
    if (!ours.has(goal.contender)) return [goal];
    const versus = goal.versus === undefined ? {} : { versus: otherOf(goal.versus) };
    const contender = otherOf(goal.contender);
    return [goal, { ...goal, ...versus, contender, what: `${goal.what} (other)` }];
  });
  const quick = plan.quick?.flatMap((name) => (ours.has(name) ? [name, otherOf(name)] : [name]));
  return {
    ...plan,
    contenders,
    goals: [...goals, ...ratios],
    ...(quick === undefined ? {} : { quick }),
  };
}

function once(work: () => Promise<void>): () => Promise<void> {
  let result: Promise<void> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}

/** A round's ratio needs both of its contenders, so the whole name is not asked for. */
function isWanted(name: string, only: readonly string[]): boolean {
  return only.length === 0 || only.some((beginning) => name.startsWith(beginning));
}

function brief({ columns: [first] }: Plan, figures: Figures): string {
  const value = first === undefined ? undefined : figures[first.figure];
  if (first === undefined || value === undefined) return "";
  return `  ${value.toLocaleString("en", { maximumFractionDigits: first.digits ?? 0 })} ${first.heading}`;
}

function judge(goal: Goal, series: readonly Series[], quick: boolean): CheckResult | undefined {
  const runsOf = (name: string) => series.find((one) => one.name === name)?.runs ?? [];
  const own = runsOf(goal.contender);
  const measured =
    goal.versus === undefined
      ? spreadOf(valuesOf(own, goal.figure))
      : ratiosOf(own, runsOf(goal.versus), goal.figure);
  if (measured === undefined) return undefined;
  const { atLeast, atMost } = goal;
  const expectsNothing = atLeast === undefined && atMost === undefined;
  const holds =
    measured.median >= (atLeast ?? Number.NEGATIVE_INFINITY) &&
    measured.median <= (atMost ?? Number.POSITIVE_INFINITY);
  return { goal, measured, holds: quick || expectsNothing ? undefined : holds };
}
