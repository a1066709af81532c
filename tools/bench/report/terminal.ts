import type { ScenarioReport, Series } from "../run-scenario.ts";
import type { Column } from "../scenario.ts";
import type { Facts } from "../server.ts";
import { ratiosOf, type Spread, spreadOf, valuesOf } from "../statistics.ts";
import type { Report } from "./report.ts";

export function formatHeader({ facts, payload, options }: Omit<Report, "scenarios">): string {
  return [
    `${facts.postgres.replace(/ on .*/, "")} (${facts.server}), pgmq ${pgmqVersion(facts)}, Node ${facts.node}, ${facts.cores} cores (${facts.processor})`,
    `settings: ${Object.entries(facts.settings)
      .map(([name, value]) => `${name}=${value}`)
      .join(" ")}`,
    `payload: ${payload}`,
    `${options.repeat} rounds, interleaved; medians, and the lowest and highest; ratios within each round`,
    ...(options.quick ? ["QUICK: a smoke test; these figures mean nothing"] : []),
  ].join("\n");
}

function pgmqVersion({ pgmq }: Facts): string {
  return pgmq.replace(/^pgmq /, "");
}

/** The scenario's table and its goals. */
export function formatScenario(report: ScenarioReport): string {
  const { title, name, series, columns, baseline, checkResults, failure, skipped } = report;
  const base = series.find((one) => one.name === baseline);
  const headings = [
    "",
    ...columns.map(({ heading }) => heading),
    ...(base === undefined ? [] : [`of ${base.name}`]),
  ];
  const lines = series.map((one) => [
    one.name,
    ...columns.map((column, index) => formatCell(one, column, index === 0)),
    ...(base === undefined ? [] : [formatRatio(base, one, columns[0])]),
  ]);
  return [
    `\n── ${name}: ${title}`,
    ...series.map((one) => `   ${one.name}: ${one.detail}`),
    "",
    ...alignColumns([headings, ...lines]),
    ...(checkResults.length > 0 ? [""] : []),
    ...checkResults.map(formatCheckResult),
    ...(failure === undefined ? [] : [`FAILED: ${failure}`]),
    ...(skipped === undefined ? [] : [`skipped: ${skipped}`]),
  ].join("\n");
}

function formatCell({ runs }: Series, { figure, digits = 0 }: Column, withSpread: boolean): string {
  const spread = spreadOf(valuesOf(runs, figure));
  if (spread === undefined) return "–";
  return withSpread ? formatSpread(spread, digits) : formatNumber(spread.median, digits);
}

function formatSpread({ median, lowest, highest }: Spread, digits: number): string {
  const [middle, low, high] = [median, lowest, highest].map((value) => formatNumber(value, digits));
  return low === high ? `${middle}` : `${middle} (${low}–${high})`;
}

function formatRatio(base: Series, { runs }: Series, column: Column | undefined): string {
  if (column === undefined || runs === base.runs) return "";
  const ratio = ratiosOf(runs, base.runs, column.figure);
  return ratio === undefined ? "–" : `× ${formatSpread(ratio, 2)}`;
}

function formatCheckResult({
  goal,
  measured,
  holds,
}: ScenarioReport["checkResults"][number]): string {
  const checkResult = holds === undefined ? " " : holds ? "✓" : "✗";
  const sign = goal.versus === undefined ? "" : "× ";
  const bound =
    goal.atLeast !== undefined
      ? `  goal ≥ ${sign}${goal.atLeast}`
      : goal.atMost !== undefined
        ? `  goal ≤ ${sign}${goal.atMost}`
        : "";
  return `${checkResult} ${goal.what}: ${sign}${formatSpread(measured, 2)}${bound}`;
}

export function formatNumber(value: number, digits: number): string {
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

function alignColumns(lines: readonly (readonly string[])[]): readonly string[] {
  const widths = lines[0]?.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines.map((line) =>
    line
      .map((cell, column) => {
        const width = widths?.[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd(),
  );
}
