import {
  type DeadLetterFilter,
  type DeadLetterGroup,
  type DeadLetterGroups,
  type DeadLetterScope,
  type GroupOptions,
  groupDeadLetters,
  mergeGroups,
} from "@centralcloud/dead-letters";
import { shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import {
  BarChart,
  type ChartPoint,
  type ChartSeries,
  everyStep,
  largestSeries,
} from "../../kit/chart.tsx";
import type { Span } from "./queue-charts.tsx";

/** How many groups are counted for a chart. */
const groupsOfChart: GroupOptions = { limit: 20 };

/** The largest groups of dead letters of a source, and then those of all together. */
export function groupsForChart(
  scope: DeadLetterScope,
  filter: DeadLetterFilter,
): Promise<DeadLetterGroups> {
  return groupDeadLetters(scope, filter, groupsOfChart);
}

export function largestGroups(groups: readonly DeadLetterGroups[]): readonly DeadLetterGroup[] {
  return mergeGroups(groups, groupsOfChart.limit).groups;
}

/** What a group is called in a chart: in words that are no contents. */
function nameOf({ queue, reason, code, error, fingerprint }: DeadLetterGroup): string {
  const cause = error ?? code ?? reason ?? "no reason";
  return `${shorten(cause, 50)} (${queue}, ${fingerprint.slice(0, 6)})`;
}

/**
 * Dead letters that still wait, by when they were dead-lettered and by group.
 *
 * @param groups as `groupDeadLetters` gives them, which counts by the hour; their words are masked already.
 */
export function DeadLetterChart({
  groups,
  span: { from, to, everyS: asked },
}: {
  readonly groups: readonly DeadLetterGroup[];
  readonly span: Span;
}): VNode {
  const everyS = Math.max(1, Math.ceil(asked / hourS)) * hourS;
  const all = groups.map((group): ChartSeries => {
    const points = byStep(group.hours, everyS);
    return { name: nameOf(group), points: everyStep(points, { from, to, everyS, missing: 0 }) };
  });
  const shown = all.filter(({ points }) => points.some(({ value }) => value !== 0));
  return (
    <BarChart
      title="Dead letters that wait, by when they came and by group"
      unit="count"
      everyS={everyS}
      from={from}
      to={to}
      series={largestSeries(shown, (count) => `${count} other groups`)}
      empty={<p>No dead letter that still waits came in this time. That is as it should be.</p>}
      note="What has been replayed or discarded since is not among them."
    />
  );
}

const hourS = 3_600;

/** Hours, added up to longer steps. */
function byStep(hours: DeadLetterGroup["hours"], everyS: number): readonly ChartPoint[] {
  const sums = new Map<number, number>();
  for (const { at, count } of hours) {
    const step = Math.floor(Date.parse(at) / (everyS * 1_000)) * everyS * 1_000;
    sums.set(step, (sums.get(step) ?? 0) + count);
  }
  return [...sums].map(([step, value]) => ({ at: new Date(step).toISOString(), value }));
}
