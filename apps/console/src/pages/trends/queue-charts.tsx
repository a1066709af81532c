import type { QueueDepth, QueueRate } from "@centralcloud/inspect";
import type { VNode } from "preact";
import {
  BarChart,
  type ChartSeries,
  everyStep,
  LineChart,
  largestSeries,
} from "../../kit/chart.tsx";

export interface Span {
  readonly from: Date;
  readonly to: Date;
  /** Seconds of one step. */
  readonly everyS: number;
}

/** What a row is counted under: its queue, its source, or both. */
export type NameOf = (row: { readonly queue: string; readonly source: string }) => string;

export const byQueue: NameOf = ({ queue }) => queue;

/** Rows under names, those of one name and moment put together. */
function seriesOf<
  Row extends { readonly at: string; readonly queue: string; readonly source: string },
>(
  rows: readonly Row[],
  { from, to, everyS }: Span,
  nameOf: NameOf,
  value: (row: Row) => number | null,
  together: {
    readonly combine: (one: number, other: number) => number;
    readonly missing: number | null;
  },
): readonly ChartSeries[] {
  const all = new Map<string, Map<string, number>>();
  for (const row of rows) {
    const points = all.get(nameOf(row)) ?? new Map<string, number>();
    all.set(nameOf(row), points);
    const given = value(row);
    if (given === null) continue;
    const before = points.get(row.at);
    points.set(row.at, before === undefined ? given : together.combine(before, given));
  }
  const { missing } = together;
  return [...all].map(([name, points]) => {
    const known = [...points].map(([at, one]) => ({ at, value: one }));
    return { name, points: everyStep(known, { from, to, everyS, missing }) };
  });
}

const sum = { combine: (one: number, other: number) => one + other, missing: 0 };
const most = { combine: Math.max, missing: null };
const others = (count: number) => `${count} others together`;

/**
 * What queues delivered, how long it took, and what was dead-lettered, over time.
 *
 * @param rates as `readQueueRates` gives them, with the same `everyS`.
 */
export function DeliveryCharts({
  rates,
  span,
  nameOf = byQueue,
}: {
  readonly rates: readonly QueueRate[];
  readonly span: Span;
  readonly nameOf?: NameOf;
}): VNode {
  const { from, to, everyS } = span;
  const empty = (
    <p>
      Nothing was delivered in this time, as far as the archives of the queues tell, which keep what
      was delivered.
    </p>
  );
  return (
    <div class="charts">
      <BarChart
        title="Throughput: messages that were merged"
        unit="count"
        everyS={everyS}
        from={from}
        to={to}
        series={largestSeries(
          seriesOf(rates, span, nameOf, ({ merged }) => merged, sum),
          others,
        )}
        empty={empty}
      />
      <LineChart
        title="Latency: 95 % were merged within, from when they were queued"
        unit="seconds"
        from={from}
        to={to}
        series={seriesOf(rates, span, nameOf, ({ latencyP95 }) => latencyP95, most).slice(0, 6)}
        empty={empty}
        note="Where several sources are put together: of the slowest of them."
      />
    </div>
  );
}

/**
 * What waited in queues, and for how long the oldest had, over time.
 *
 * @param depths as `readQueueDepths` gives them, with the same `everyS`.
 */
export function DepthCharts({
  depths,
  span,
  nameOf = byQueue,
}: {
  readonly depths: readonly QueueDepth[];
  readonly span: Span;
  readonly nameOf?: NameOf;
}): VNode {
  const { from, to } = span;
  const ages = seriesOf(depths, span, nameOf, ({ oldestAgeS }) => oldestAgeS, {
    ...most,
    missing: 0,
  });
  return (
    <div class="charts">
      <LineChart
        title="Depth: messages that waited"
        unit="count"
        from={from}
        to={to}
        series={largestSeries(
          seriesOf(depths, span, nameOf, ({ waiting }) => waiting, sum),
          others,
        )}
        empty={<p>Nothing waited at any of these moments: consumers read all there was at once.</p>}
        note="Reckoned from the queue and its archive; what was dead-lettered meanwhile is not counted."
      />
      <LineChart
        title="Age: for how long the oldest that waited had"
        unit="seconds"
        from={from}
        to={to}
        series={ages.slice(0, 6)}
        empty={<p>Nothing waited at any of these moments.</p>}
      />
    </div>
  );
}
