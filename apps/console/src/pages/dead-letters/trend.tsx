import type { DeadLetterGroup } from "@centralcloud/dead-letters";
import type { VNode } from "preact";
import { Count, plural, Time } from "../../kit/figures.tsx";
import { Table } from "../../kit/table.tsx";

type Hours = DeadLetterGroup["hours"];

const hourMs = 3_600_000;

/** A week: as many hours as a group tells. */
const mostHours = 168;

const height = 48;
const barWidth = 6;

/** Every hour from the first to the last that has dead letters, oldest first; those beyond a week are left out. */
export function everyHour(hours: Hours): Hours {
  const counts = new Map<number, number>();
  for (const { at, count } of hours) {
    const time = Date.parse(at);
    if (!Number.isNaN(time)) counts.set(time, count);
  }
  if (counts.size === 0) return [];
  const newest = Math.max(...counts.keys());
  const oldest = Math.max(Math.min(...counts.keys()), newest - (mostHours - 1) * hourMs);
  const all: { at: string; count: number }[] = [];
  for (let time = oldest; time <= newest; time += hourMs) {
    const at = new Date(time).toISOString().replace(".000Z", "Z");
    all.push({ at, count: counts.get(time) ?? 0 });
  }
  return all;
}

/** Dead letters by hour, a bar for each. */
export function Trend({ hours }: { readonly hours: Hours }): VNode | null {
  const all = everyHour(hours);
  const [first] = all;
  const last = all.at(-1);
  if (first === undefined || last === undefined) return null;
  const most = Math.max(...all.map(({ count }) => count), 1);
  const width = Math.max(all.length, 24) * barWidth;
  const label = `${plural(all.length, "hour")} from ${hourText(first.at)} to ${hourText(last.at)}, ${most.toLocaleString("en-US")} at most in one`;
  return (
    <figure class="trend">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
      >
        <line class="axis" x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} />
        {all.map(({ at, count }, index) => {
          const tall = count === 0 ? 0 : Math.max(2, (count / most) * (height - 4));
          const left = (index + Math.max(0, 24 - all.length)) * barWidth;
          return (
            <rect
              key={at}
              class="series-2"
              x={left}
              y={height - 1 - tall}
              width={barWidth - 1}
              height={tall}
            >
              <title>{`${hourText(at)}: ${count.toLocaleString("en-US")}`}</title>
            </rect>
          );
        })}
      </svg>
      <figcaption class="hint">By hour, until {hourText(last.at)}</figcaption>
    </figure>
  );
}

/** The same as a table, for whoever would rather read. */
export function TrendTable({ hours }: { readonly hours: Hours }): VNode {
  return (
    <details>
      <summary>By hour, as a table</summary>
      <Table
        caption="Dead letters by hour, newest first; hours without any are left out"
        rows={hours}
        keyOf={({ at }) => at}
        empty={<p>None was counted by hour.</p>}
        columns={[
          { head: "Hour", isNumber: true, cell: ({ at }) => <Time at={at} /> },
          { head: "Dead letters", isNumber: true, cell: ({ count }) => <Count value={count} /> },
        ]}
      />
    </details>
  );
}

function hourText(at: string): string {
  return `${at.slice(0, 10)} ${at.slice(11, 13)}:00Z`;
}
