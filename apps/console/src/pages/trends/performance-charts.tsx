import type { AgentPerformance } from "@centralcloud/inspect";
import type { VNode } from "preact";
import { type ChartSeries, everyStep, LineChart, largestSeries } from "../../kit/chart.tsx";

/** How many tasks were finished, and how long they took: a line for each source. */
export function PerformanceCharts({
  rows,
  from,
  to,
  everyS,
  whose,
}: {
  readonly rows: readonly AgentPerformance[];
  readonly from: Date;
  readonly to: Date;
  readonly everyS: number;
  /** `the agent`, `all agents`. */
  readonly whose: string;
}): VNode {
  const names = [...new Set(rows.map(({ source }) => source))];
  const seriesOf = (value: (row: AgentPerformance) => number, missing: number | null) =>
    names.map((name): ChartSeries => {
      const points = rows
        .filter(({ source }) => source === name)
        .map((row) => ({ at: row.at, value: value(row) }));
      return { name, points: everyStep(points, { from, to, everyS, missing }) };
    });
  const empty = (
    <p>
      No task of {whose} was finished in this time, as far as <code>agent_performance_5min</code>{" "}
      tells, which a job brings up to date. <a href="/jobs">Jobs</a> says when it last ran.
    </p>
  );
  const others = (count: number) => `${count} other sources`;
  return (
    <div class="charts">
      <LineChart
        title={`Tasks that ${whose} finished, by source`}
        unit="count"
        series={largestSeries(
          seriesOf(({ taskCount }) => taskCount, 0),
          others,
        )}
        from={from}
        to={to}
        empty={empty}
      />
      <LineChart
        title={`How long 95 % of the tasks of ${whose} took at most, by source`}
        unit="milliseconds"
        series={seriesOf(({ p95Ms }) => p95Ms, null).slice(0, 6)}
        from={from}
        to={to}
        empty={empty}
        note={names.length > 6 ? `Of ${names.length} sources, the first six are shown.` : undefined}
      />
    </div>
  );
}
