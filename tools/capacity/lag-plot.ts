import type { Step } from "./simulate.ts";

const width = 760;
const height = 300;
const left = 56;
const bottom = 40;
const top = 34;
const right = 150;
const colours = ["#b91c1c", "#d97706", "#2563eb"] as const;
/** Points of each line; more can't be seen. */
const points = 300;

export interface LagCourse {
  /** When the burst begins, in seconds. */
  readonly eventS: number;
  /** Each has a step a second. */
  readonly runs: readonly { readonly headroom: number; readonly steps: readonly Step[] }[];
}

/** The lag over time, a line for each capacity. An SVG that needs no font or style and reads on light and dark pages. */
export function drawLags({ eventS, runs }: LagCourse): string {
  const seconds = Math.max(...runs.map(({ steps }) => steps.length));
  const most = Math.max(1, ...runs.flatMap(({ steps }) => steps.map(({ lagS }) => lagS)));
  const ceiling = Math.ceil(most / 60 / 5) * 5 * 60;
  const x = (second: number) => round(left + (second / seconds) * (width - left - right));
  const y = (lagS: number) => round(height - bottom - (lagS / ceiling) * (height - bottom - top));
  const parts = [
    text(left, 20, "Lag when all sources send 5 times as much for 5 minutes", 'font-weight="bold"'),
    line(left, y(0), x(seconds), y(0)),
    line(left, y(0), left, y(ceiling)),
    line(x(eventS), y(0), x(eventS), y(ceiling), 'stroke-dasharray="3 3"'),
  ];
  for (let minutes = 0; minutes <= seconds / 60; minutes += 15) {
    parts.push(
      text(x(minutes * 60), height - bottom + 18, `${minutes} min`, 'text-anchor="middle"'),
    );
  }
  for (let minutes = 5; minutes * 60 <= ceiling; minutes += 5) {
    parts.push(text(left - 6, y(minutes * 60) + 4, `${minutes} min`, 'text-anchor="end"'));
  }
  for (const [index, { headroom, steps }] of runs.entries()) {
    const every = Math.max(1, Math.floor(steps.length / points));
    const drawn = steps.flatMap(({ lagS }, second) =>
      second % every === 0 ? [`${x(second)},${y(lagS)}`] : [],
    );
    const colour = colours[index] ?? colours[0];
    parts.push(
      `<polyline points="${drawn.join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      text(
        x(seconds) + 10,
        top + 20 + 20 * index,
        `capacity ${headroom} × the load`,
        `fill="${colour}"`,
      ),
    );
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="Lag after a burst" font-family="sans-serif" font-size="12" fill="#6b7280" stroke-linejoin="round">
${parts.join("\n")}
</svg>
`;
}

function line(x1: number, y1: number, x2: number, y2: number, attributes = ""): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#6b7280" ${attributes}/>`;
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x}" y="${y}" ${attributes}>${content}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
