import type { ScenarioReport, Series } from "../run-scenario.ts";
import { spreadOf, valuesOf } from "../statistics.ts";
import type { Report } from "./report.ts";
import { formatNumber } from "./terminal.ts";

/* One bar a contender, as long as the median of the scenario's first figure, with a line from the lowest to the highest. */

const width = 760;
const labelWidth = 280;
const valueWidth = 110;
const barHeight = 18;
const gap = 6;
const titleHeight = 34;

/** An SVG that needs no font, script or style of its own, and reads on light and dark pages. */
export function plot({ scenarios, facts, measuredAt }: Report): string {
  const parts: string[] = [];
  let y = 8;
  for (const scenario of scenarios) {
    const drawn = scenario.series.filter(({ runs }) => runs.length > 0);
    if (drawn.length === 0) continue;
    parts.push(...drawScenario(scenario, drawn, y));
    y += titleHeight + drawn.length * (barHeight + gap) + 14;
  }
  const footer = `${facts.postgres.replace(/ on .*/, "")}, Node ${facts.node}, ${facts.cores} cores, ${measuredAt.slice(0, 10)}`;
  parts.push(text(8, y + 12, footer, 'font-size="11" fill-opacity="0.7"'));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 24}" role="img" aria-label="Benchmark" font-family="sans-serif" font-size="12" fill="#6b7280">
${parts.join("\n")}
</svg>
`;
}

function drawScenario(scenario: ScenarioReport, drawn: readonly Series[], top: number): string[] {
  const [column] = scenario.columns;
  if (column === undefined) return [];
  const spreads = drawn.map(({ runs }) => spreadOf(valuesOf(runs, column.figure)));
  const most = Math.max(...spreads.map((spread) => spread?.highest ?? 0));
  const room = width - labelWidth - valueWidth;
  const x = (value: number) => labelWidth + (most === 0 ? 0 : (value / most) * room);
  const parts = [
    text(8, top + 18, `${scenario.title} (${column.heading})`, 'font-size="13" font-weight="bold"'),
  ];
  for (const [index, { name }] of drawn.entries()) {
    const spread = spreads[index];
    const y = top + titleHeight + index * (barHeight + gap);
    const middle = y + barHeight / 2;
    parts.push(text(labelWidth - 8, middle + 4, name, 'text-anchor="end"'));
    if (spread === undefined) continue;
    const colour = name === "centralcloud" ? "#2563eb" : "#94a3b8";
    const { median, lowest, highest } = spread;
    parts.push(
      `<rect x="${labelWidth}" y="${y}" width="${round(x(median) - labelWidth)}" height="${barHeight}" fill="${colour}"/>`,
      `<line x1="${round(x(lowest))}" x2="${round(x(highest))}" y1="${middle}" y2="${middle}" stroke="#111827" stroke-width="2"/>`,
      text(round(x(highest)) + 8, middle + 4, formatNumber(median, column.digits ?? 0), ""),
    );
  }
  return parts;
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x}" y="${y}" ${attributes}>${escapeXml(content)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
