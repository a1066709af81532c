import type { CaptureStatus } from "@centralcloud/cdc";
import type { ChartPoint, ChartSeries } from "../../kit/chart.tsx";
import type { Snapshots } from "../../reading/snapshots.ts";

/*
 * How far captures were behind is stored nowhere: it is known only as often as somebody looks. So what the console sees is
 * remembered for as long as it runs.
 */

/** Moments of one source that are remembered: at five seconds, those of an hour. */
const mostPoints = 720;
const mostSources = 500;

const histories = new WeakMap<Snapshots, Map<string, ChartPoint[]>>();

/** Remembers what was just seen of a source; the same look twice counts once. */
export function rememberLag(
  snapshots: Snapshots,
  { source, lagSeconds }: CaptureStatus,
  at: Date,
): void {
  const history = histories.get(snapshots) ?? new Map<string, ChartPoint[]>();
  histories.set(snapshots, history);
  const points = history.get(source) ?? [];
  const text = at.toISOString();
  if (points.at(-1)?.at === text) return;
  points.push({ at: text, value: lagSeconds });
  if (points.length > mostPoints) points.shift();
  history.delete(source);
  history.set(source, points);
  const [oldest] = history.keys();
  if (history.size > mostSources && oldest !== undefined) history.delete(oldest);
}

export function lagSeries(snapshots: Snapshots): readonly ChartSeries[] {
  const history = histories.get(snapshots) ?? new Map<string, ChartPoint[]>();
  return [...history]
    .map(([name, points]) => ({ name, points: [...points] }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}
