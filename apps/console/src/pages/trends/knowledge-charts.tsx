import type { KnowledgeOverTime } from "@centralcloud/inspect";
import type { VNode } from "preact";
import { BarChart, type ChartSeries, LineChart, largestSeries } from "../../kit/chart.tsx";

const dayMs = 86_400_000;

/** How what the fleet has learned grew, day by day. */
export function KnowledgeCharts({
  overTime: { days, summaries },
  now,
}: {
  readonly overTime: KnowledgeOverTime;
  readonly now: Date;
}): VNode {
  const [first] = days;
  const from = new Date(first?.at ?? now.getTime() - 30 * dayMs);
  const sources = [...new Set(summaries.map(({ source }) => source))];
  const known = sources.map((source): ChartSeries => {
    const own = summaries.filter((one) => one.source === source);
    return {
      name: source,
      points: own.map(({ at, totalPatterns }) => ({ at, value: totalPatterns })),
    };
  });
  return (
    <div class="charts">
      <LineChart
        title="Consensus over time: patterns that the sources agree on"
        unit="count"
        series={[
          {
            name: "Agreed on",
            points: days.map(({ at, consensus }) => ({ at, value: consensus })),
          },
        ]}
        from={from}
        to={now}
        empty={
          <p>
            The sources agree on no pattern yet: three of them have to see the same one, with a mean
            confidence of 0.95 or more.
          </p>
        }
        note="Of those that are agreed on today, how many had been learned by the end of each day (UTC); when they became agreed is not kept."
      />
      <BarChart
        title="Patterns learned for the first time, by day (UTC)"
        unit="count"
        everyS={86_400}
        series={[
          { name: "New patterns", points: days.map(({ at, learned }) => ({ at, value: learned })) },
        ]}
        from={from}
        to={new Date(Date.parse(days.at(-1)?.at ?? now.toISOString()) + dayMs)}
        empty={<p>No pattern was learned for the first time in this time.</p>}
      />
      <LineChart
        title="Patterns that each source's agents know, as it summed up"
        unit="count"
        series={largestSeries(known, (count) => `${count} other sources`)}
        from={from}
        to={now}
        empty={<p>No source has summed up what its agents know in this time.</p>}
      />
    </div>
  );
}
