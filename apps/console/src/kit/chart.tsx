import type { ComponentChildren, VNode } from "preact";
import {
  type TimeTick,
  tickText,
  timeTicks,
  type Unit,
  valueText,
  valueTicks,
} from "./chart-scale.ts";
import { Text, timeText } from "./figures.tsx";
import { Empty } from "./table.tsx";

export type { Unit } from "./chart-scale.ts";

/*
 * Charts are drawn by the server as SVG, and each has its figures in a table beneath: whoever can't see the one reads the
 * other, and both are made of the same points. Colours and the strokes of lines are classes of the style sheet.
 */

export interface ChartPoint {
  /** ISO 8601. */
  readonly at: string;
  /** Null: not known, which leaves a gap. */
  readonly value: number | null;
}

export interface ChartSeries {
  readonly name: string;
  readonly points: readonly ChartPoint[];
}

export interface ChartProps {
  /** Says what is shown, of what, in what; a heading of its own is not needed. */
  readonly title: string;
  readonly unit: Unit;
  /** At most {@link mostSeries}; put the rest together with {@link largestSeries}. */
  readonly series: readonly ChartSeries[];
  /** The span that is shown; default: from the first point to the last. */
  readonly from?: Date;
  readonly to?: Date;
  /** Said in place of the chart where no point has a value: why, and what that means. */
  readonly empty: ComponentChildren;
  /** Said beneath it: where the figures come from, and what is not among them. */
  readonly note?: ComponentChildren;
}

/** Series of one chart at most: more can't be told apart. */
export const mostSeries = 6;

/** Rows of the table beneath a chart: the newest. */
const mostRows = 60;

const width = 640;
const height = 200;
/** Room beneath for the labels of time, and above for that of the highest tick. */
const bottom = 26;
const top = 18;

interface Scale {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  readonly times: readonly TimeTick[];
  x(at: number): number;
  y(value: number): number;
}

/** Lines over time, such as ages and latencies. */
export function LineChart(props: ChartProps): VNode {
  const { series } = props;
  const scale = scaleOf(props, Math.max(0, ...valuesOf(series)));
  return (
    <Chart {...props}>
      <Grid scale={scale} unit={props.unit} />
      {series.map(({ name, points }, index) => (
        <path key={name} class={`line series-${index + 1}`} d={pathOf(points, scale)} />
      ))}
      {series.flatMap(({ name, points }, index) =>
        lonePoints(points).map(({ at, value }) => (
          <circle
            key={`${name} ${at}`}
            class={`dot series-${index + 1}`}
            cx={round(scale.x(Date.parse(at)))}
            cy={round(scale.y(value))}
            r="3"
          />
        )),
      )}
    </Chart>
  );
}

/** Bars over time, those of one moment one on top of the other, such as messages in each quarter of an hour. */
export function BarChart(props: ChartProps & { readonly everyS: number }): VNode {
  const { series, everyS } = props;
  const sums = new Map<string, number>();
  for (const { at, value } of series.flatMap(({ points }) => points)) {
    sums.set(at, (sums.get(at) ?? 0) + (value ?? 0));
  }
  const scale = scaleOf(props, Math.max(0, ...sums.values()), everyS * 1_000);
  const base = new Map<string, number>();
  return (
    <Chart {...props}>
      <Grid scale={scale} unit={props.unit} />
      {series.map(({ name, points }, index) => (
        <path
          key={name}
          class={`bar series-${index + 1}`}
          d={points
            .map(({ at, value }) => {
              if (value === null || value <= 0) return "";
              const before = base.get(at) ?? 0;
              base.set(at, before + value);
              return barOf(Date.parse(at), before, before + value, everyS * 1_000, scale);
            })
            .join("")}
        />
      ))}
    </Chart>
  );
}

function Chart(props: ChartProps & { readonly children?: ComponentChildren }): VNode {
  const { title, series, unit, empty, note, children } = props;
  if (!valuesOf(series).some((value) => value !== 0)) {
    return (
      <figure class="chart">
        <figcaption>{title}</figcaption>
        <Empty>{empty}</Empty>
      </figure>
    );
  }
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      {series.length > 1 && (
        <ul class="legend">
          {series.map(({ name }, index) => (
            <li key={name}>
              <svg viewBox="0 0 24 10" aria-hidden="true">
                <path class={`key series-${index + 1}`} d="M1 5H23" />
              </svg>
              <Text>{name}</Text>
            </li>
          ))}
        </ul>
      )}
      <svg
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={`${title}. The figures are in the table beneath.`}
      >
        {children}
      </svg>
      {note !== undefined && <p class="hint">{note}</p>}
      <details>
        <summary>Figures</summary>
        <Figures title={title} series={series} unit={unit} />
      </details>
    </figure>
  );
}

/** Lean, because a page may have several: a row is a moment, and its columns are the series. */
function Figures({ title, series, unit }: Pick<ChartProps, "title" | "series" | "unit">) {
  const times = [...new Set(series.flatMap(({ points }) => points.map(({ at }) => at)))].sort();
  const values = series.map(
    ({ points }) => new Map(points.map(({ at, value }) => [at, value] as const)),
  );
  const shown = times.slice(-mostRows).reverse();
  const left = times.length - shown.length;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard. */}
      <section class="table-frame" aria-label={`Figures: ${title}`} tabIndex={0}>
        <table class="figures">
          <thead>
            <tr>
              <th scope="col">From (UTC)</th>
              {series.map(({ name }) => (
                <th scope="col" key={name}>
                  <Text>{name}</Text>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((at) => (
              <tr key={at}>
                <th scope="row">{momentText(at)}</th>
                {values.map((points, index) => {
                  const value = points.get(at) ?? null;
                  return <td key={index}>{value === null ? "–" : valueText(value, unit)}</td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {left > 0 && <p class="hint">{left.toLocaleString("en-US")} older rows are left out.</p>}
    </>
  );
}

/** To the minute, and to the second where that is not zero. */
function momentText(at: string): string {
  return timeText(at).replace(/:00Z$/, "Z");
}

function Grid({ scale, unit }: { readonly scale: Scale; readonly unit: Unit }) {
  return (
    <>
      {scale.ticks.map((tick) => (
        <g key={tick}>
          <path class="axis" d={`M0 ${round(scale.y(tick))}H${width}`} />
          <text x="2" y={round(scale.y(tick)) - 4}>
            {tick === 0 ? "" : tickText(tick, unit)}
          </text>
        </g>
      ))}
      {scale.times.map(({ at, text }) => (
        <g key={at}>
          <path class="tick" d={`M${round(scale.x(at))} ${height - bottom}v4`} />
          <text x={round(scale.x(at))} y={height - 8} class={anchorOf(scale.x(at))}>
            {text}
          </text>
        </g>
      ))}
    </>
  );
}

/** Labels at the edges stay within. */
function anchorOf(x: number): string {
  if (x < 30) return "start";
  return x > width - 30 ? "end" : "middle";
}

function scaleOf({ series, unit, from, to }: ChartProps, most: number, lastMs = 0): Scale {
  const times = series.flatMap(({ points }) => points.map(({ at }) => Date.parse(at)));
  const first = from?.getTime() ?? Math.min(...times);
  const last = to?.getTime() ?? Math.max(...times) + lastMs;
  const [start, end] = first < last ? [first, last] : [first - 30_000, first + 30_000];
  const ticks = valueTicks(most, unit);
  const highest = ticks.at(-1) ?? 1;
  return {
    from: start,
    to: end,
    ticks,
    times: Number.isFinite(start) && Number.isFinite(end) ? timeTicks(start, end) : [],
    x: (at) => Math.min(1, Math.max(0, (at - start) / (end - start))) * width,
    y: (value) => top + (1 - Math.min(value, highest) / highest) * (height - top - bottom),
  };
}

function valuesOf(series: readonly ChartSeries[]): readonly number[] {
  return series.flatMap(({ points }) => points.flatMap(({ value }) => value ?? []));
}

/** A line that is broken where nothing is known. */
function pathOf(points: readonly ChartPoint[], scale: Scale): string {
  let isDown = false;
  return points
    .map(({ at, value }) => {
      const place =
        value === null ? undefined : `${round(scale.x(Date.parse(at)))} ${round(scale.y(value))}`;
      const step = place === undefined ? "" : `${isDown ? "L" : "M"}${place}`;
      isDown = place !== undefined;
      return step;
    })
    .join("");
}

/** Points before and after which none is known: a line of one point can't be seen. */
function lonePoints(points: readonly ChartPoint[]) {
  return points.flatMap(({ at, value }, index) => {
    const isLone = [points[index - 1], points[index + 1]].every(
      (one) => (one?.value ?? null) === null,
    );
    return value === null || !isLone ? [] : [{ at, value }];
  });
}

function barOf(at: number, low: number, high: number, everyMs: number, scale: Scale): string {
  const left = scale.x(at);
  const right = scale.x(at + everyMs);
  const gap = Math.min(2, (right - left) * 0.2);
  const wide = Math.max(0.8, right - left - gap);
  const [lower, upper] = [scale.y(low), scale.y(high)];
  return `M${round(left + gap / 2)} ${round(lower)}h${round(wide)}V${round(upper)}h${round(-wide)}z`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/**
 * The largest series, and the others added up as one, so that a chart has no more than it can show.
 *
 * @param othersName what those together are called, such as `14 other groups`.
 */
export function largestSeries(
  series: readonly ChartSeries[],
  othersName: (count: number) => string,
): readonly ChartSeries[] {
  if (series.length <= mostSeries) return series;
  const sum = ({ points }: ChartSeries) => points.reduce((all, { value }) => all + (value ?? 0), 0);
  const sorted = series.toSorted((one, other) => sum(other) - sum(one));
  const others = sorted.splice(mostSeries - 1);
  const totals = new Map<string, number>();
  for (const { at, value } of others.flatMap(({ points }) => points)) {
    totals.set(at, (totals.get(at) ?? 0) + (value ?? 0));
  }
  const points = [...totals].sort().map(([at, value]) => ({ at, value }));
  return [...sorted, { name: othersName(others.length), points }];
}

/**
 * Points of equal steps from `from` until `to`: where a reader tells only the steps in which something happened, the
 * others have `missing`.
 *
 * @param everyS seconds of a step; the steps begin at whole multiples of it since 1970.
 */
export function everyStep(
  points: readonly ChartPoint[],
  { from, to, everyS, missing }: { from: Date; to: Date; everyS: number; missing: number | null },
): readonly ChartPoint[] {
  const stepMs = everyS * 1_000;
  const known = new Map(points.map(({ at, value }) => [Date.parse(at), value] as const));
  const steps: ChartPoint[] = [];
  for (let at = Math.floor(from.getTime() / stepMs) * stepMs; at < to.getTime(); at += stepMs) {
    const value = known.get(at);
    const text = new Date(at).toISOString().replace(".000Z", "Z");
    steps.push({ at: text, value: value === undefined ? missing : value });
  }
  return steps;
}
