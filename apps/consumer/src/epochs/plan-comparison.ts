import type { ArchiveCheck, ArchiveCheckResult, MissingMessages } from "@centralcloud/central";

/** How long after the beginning of an epoch something may still be archived that was merged before it. Milliseconds. */
export interface ComparisonTimeouts {
  /** A batch that was merged is archived within its lease. */
  readonly leaseMs: number;
  /** A statement that archives may take so long to commit, under the time at which it began. */
  readonly statementMs: number;
}

/** When to look again whether it is due. */
export interface NotDue {
  readonly dueInMs: number;
}

/** What to compare now. Times by the source's clock, in ISO 8601. */
export interface ComparisonPlan {
  readonly from: string;
  readonly to: string;
  /** Up to here it has to be compared in the end. */
  readonly until: string;
  /** Nothing can come that was archived before `until`: what is not missing now, never will be. */
  readonly isLast: boolean;
  readonly problem: string | null;
}

/** What was found when an archive was compared. */
export interface Comparison {
  readonly missing: MissingMessages | undefined;
  /** Messages that do not say which id they had in their queue, so that nobody can look them up. */
  readonly unknownIds: number;
}

const setBack = "the source's clock was set back";

/** A source whose clock was set back is compared from so long before what it shows now, in milliseconds. */
const setBackMs = 3_600_000;

/**
 * An archive is compared at once when an epoch begins, and a last time when nothing more can come that was merged in the
 * epoch before; in between, and after that, only as long as something is missing.
 *
 * @param now what the source's clock shows, in ISO 8601.
 * @returns in how many milliseconds it is due, where it is not.
 */
export function planComparison(
  check: ArchiveCheck,
  now: string,
  timeouts: ComparisonTimeouts,
): ComparisonPlan | NotDue {
  const nowMs = millisecondsOf(now);
  const until = check.until ?? isoOf(nowMs + timeouts.leaseMs);
  const untilMs = millisecondsOf(until);
  const lastInMs = untilMs + timeouts.statementMs - nowMs;
  const isLast = check.isCompared && lastInMs <= 0;
  if (check.isCompared && !isLast && check.missing === undefined) return { dueInMs: lastInMs };
  const isSetBack = millisecondsOf(check.from) > nowMs;
  // Of what kept it from being compared, nothing is said any more once it is.
  const saidBefore = check.problem?.startsWith(setBack) ? check.problem : null;
  return {
    from: isSetBack ? isoOf(nowMs - setBackMs) : check.from,
    to: nowMs < untilMs ? now : until,
    until,
    isLast,
    problem: isSetBack
      ? `${setBack}: what it archived earlier than ${isoOf(nowMs - setBackMs)} by that clock is not compared`
      : saidBefore,
  };
}

/** What is to be kept of a comparison. */
export function concludeComparison(
  plan: ComparisonPlan,
  { missing, unknownIds }: Comparison,
): ArchiveCheckResult {
  const problem =
    unknownIds > 0
      ? `${unknownIds} archived messages do not say which id they had in their queue, so they can't be looked up`
      : plan.problem;
  const from = plan.isLast ? (missing?.since ?? null) : plan.from;
  return { from, until: plan.until, isCompared: true, missing, problem };
}

/** @param instant in ISO 8601; or `-infinity`, from which archives are read whole. */
function millisecondsOf(instant: string): number {
  return instant === "-infinity" ? Number.NEGATIVE_INFINITY : Date.parse(instant);
}

function isoOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
