import { printable } from "@centralcloud/service";
import type { ComponentChildren } from "preact";
import { usePageInfo } from "./page-info.ts";

/** How something is, for its colour; a word always stands beside it. */
export type Tone = "good" | "warning" | "bad" | "quiet" | "info";

/** A text of others: it can neither steer what stands around it nor hide in it. */
export function Text({ children }: { readonly children: string }) {
  return <bdi>{printable(children)}</bdi>;
}

export function StatusBadge({
  tone,
  children,
}: {
  readonly tone: Tone;
  readonly children: ComponentChildren;
}) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

/** A count with its thousands apart; nothing known is a dash. */
export function Count({
  value,
  isBound,
}: {
  readonly value: number | null;
  readonly isBound?: boolean;
}) {
  if (value === null) return <Unknown />;
  return (
    <span class="number">
      {value.toLocaleString("en-US")}
      {isBound ? " or more" : ""}
    </span>
  );
}

export function Unknown() {
  return (
    <span class="quiet" title="not known">
      –
    </span>
  );
}

/** One figure that matters, with what it is. */
export function Stat({
  label,
  href,
  tone = "quiet",
  children,
}: {
  readonly label: string;
  readonly href?: string;
  readonly tone?: Tone;
  readonly children: ComponentChildren;
}) {
  const value = <span class={`stat-value ${tone}`}>{children}</span>;
  return (
    <div class="stat">
      <dt>{label}</dt>
      <dd>{href === undefined ? value : <a href={href}>{value}</a>}</dd>
    </div>
  );
}

export function Stats({ children }: { readonly children: ComponentChildren }) {
  return <dl class="stats">{children}</dl>;
}

const units: readonly (readonly [seconds: number, name: string])[] = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
];

/** Seconds in the largest unit that fits, and the next where it is short: `2 h 5 min`, `40 s`, `3 d`. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const place = units.findIndex(([length]) => whole >= length);
  const [length, name] = units[place] ?? [1, "s"];
  const many = Math.floor(whole / length);
  const next = units[place + 1];
  if (many >= 10 || next === undefined || place < 0) return `${many} ${name}`;
  const rest = Math.floor((whole % length) / next[0]);
  return rest === 0 ? `${many} ${name}` : `${many} ${name} ${rest} ${next[1]}`;
}

export function Duration({ seconds }: { readonly seconds: number | null }) {
  return seconds === null ? <Unknown /> : <span class="number">{durationText(seconds)}</span>;
}

/** `2026-01-31 12:00:00Z`: to the second, in UTC, as the commands print it. */
export function timeText(at: Date | string): string {
  const text = at instanceof Date ? at.toISOString() : at;
  return /^\d{4}-\d\d-\d\dT[\d:]{8}/.test(text)
    ? `${text.slice(0, 10)} ${text.slice(11, 19)}Z`
    : text;
}

/** A moment in UTC. */
export function Time({ at }: { readonly at: Date | string | null }) {
  if (at === null) return <Unknown />;
  const text = at instanceof Date ? at.toISOString() : at;
  return Number.isNaN(Date.parse(text)) ? (
    <Text>{text}</Text>
  ) : (
    <time dateTime={text} class="number">
      {timeText(text)}
    </time>
  );
}

/** How long ago something was, with the moment itself at hand. */
export function Age({ at }: { readonly at: Date | string | null }) {
  const { now } = usePageInfo();
  if (at === null) return <Unknown />;
  const text = at instanceof Date ? at.toISOString() : at;
  const seconds = (now.getTime() - Date.parse(text)) / 1_000;
  if (Number.isNaN(seconds)) return <Time at={text} />;
  const words =
    Math.abs(seconds) < 1
      ? "now"
      : seconds < 0
        ? `in ${durationText(-seconds)}`
        : `${durationText(seconds)} ago`;
  return (
    <time dateTime={text} title={timeText(text)} class="number">
      {words}
    </time>
  );
}

/** Bytes in the largest unit that fits. */
export function Bytes({ value }: { readonly value: number | null }) {
  if (value === null) return <Unknown />;
  const names = ["B", "kB", "MB", "GB", "TB"];
  const power = value < 1 ? 0 : Math.min(names.length - 1, Math.floor(Math.log10(value) / 3));
  const scaled = value / 1_000 ** power;
  const digits = power === 0 || scaled >= 100 ? 0 : 1;
  return (
    <span class="number">
      {scaled.toFixed(digits)} {names[power]}
    </span>
  );
}

/** `1 queue`, `3 queues`. */
export function plural(count: number, noun: string, several = `${noun}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? noun : several}`;
}
