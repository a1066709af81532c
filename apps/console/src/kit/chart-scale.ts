import { durationText } from "./figures.tsx";

/** What the values of a chart are, which decides where its ticks are and how they are written. */
export type Unit = "count" | "seconds" | "milliseconds" | "bytes" | "share";

/** Ticks at most on either axis, so that their labels have room on a telephone, too. */
const mostTicks = 5;

/** Steps of an axis of counts: one, two or five, times a power of ten. */
function decimalStep(most: number, least: number): number {
  const rough = Math.max(most / mostTicks, least);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5].find((one) => one * power >= rough * 0.999_999) ?? 10;
  return factor * power;
}

/** Steps of an axis of durations, in seconds; beyond them they are decimal. */
const durationSteps = [
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200],
  ...[10_800, 21_600, 43_200, 86_400, 172_800, 604_800],
];

/** Where the ticks of the vertical axis are, from 0 to a value that is at least the largest of the chart. */
export function valueTicks(most: number, unit: Unit): readonly number[] {
  const top = Number.isFinite(most) && most > 0 ? most : unit === "share" ? 1 : 4;
  const step = stepOf(top, unit);
  const count = Math.max(1, Math.ceil(top / step - 1e-9));
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}

function stepOf(top: number, unit: Unit): number {
  if (unit === "count") return decimalStep(top, 1);
  if (unit === "seconds" && top > 5) {
    const step = durationSteps.find((one) => one * mostTicks >= top);
    return step ?? decimalStep(top / 86_400, 1) * 86_400;
  }
  return decimalStep(top, Number.MIN_VALUE);
}

/** A value as an axis has it: short. */
export function tickText(value: number, unit: Unit): string {
  if (value === 0) return "0";
  if (unit === "bytes") return scaled(value, ["B", "kB", "MB", "GB", "TB"], " ");
  if (unit === "share") return `${trim(value * 100)} %`;
  if (unit === "milliseconds")
    return value < 1_000 ? `${trim(value)} ms` : secondsText(value / 1_000);
  return unit === "seconds" ? secondsText(value) : scaled(value, ["", "k", "M", "G", "T"], "");
}

function secondsText(seconds: number): string {
  if (seconds < 1) return `${trim(seconds * 1_000)} ms`;
  return seconds < 10 ? `${trim(seconds)} s` : durationText(seconds);
}

function scaled(value: number, names: readonly string[], blank: string): string {
  const power = value < 1 ? 0 : Math.min(names.length - 1, Math.floor(Math.log10(value) / 3));
  const name = names[power] ?? "";
  return `${trim(value / 1_000 ** power)}${name === "" ? "" : blank}${name}`;
}

function trim(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** A value as a table beneath a chart has it: nothing that matters is rounded away. */
export function valueText(value: number, unit: Unit): string {
  if (unit === "count") return value.toLocaleString("en-US", { maximumFractionDigits: 2 });
  return tickText(value, unit);
}

/** Steps of the axis of time, in seconds. */
const timeSteps = [
  ...[1, 5, 15, 30, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200],
  ...[86_400, 2 * 86_400, 7 * 86_400, 14 * 86_400, 30 * 86_400, 90 * 86_400, 365 * 86_400],
];

export interface TimeTick {
  readonly at: number;
  readonly text: string;
}

/** Ticks of an axis of time at round moments of UTC, in milliseconds since 1970: `14:00`, or `Nov 30` from days on. */
export function timeTicks(from: number, to: number): readonly TimeTick[] {
  const span = Math.max(1, (to - from) / 1_000);
  const step = timeSteps.find((one) => one * mostTicks >= span) ?? span;
  const stepMs = step * 1_000;
  const ticks: TimeTick[] = [];
  for (let at = Math.ceil(from / stepMs) * stepMs; at <= to; at += stepMs) {
    ticks.push({ at, text: timeTickText(at, step) });
  }
  return ticks;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function timeTickText(at: number, step: number): string {
  const date = new Date(at);
  const day = `${months[date.getUTCMonth()] ?? ""} ${date.getUTCDate()}`;
  const clock = date.toISOString().slice(11, step < 60 ? 19 : 16);
  if (step >= 86_400) return day;
  return clock === "00:00" ? day : clock;
}
