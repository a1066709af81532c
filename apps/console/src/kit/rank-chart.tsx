import type { ComponentChildren, VNode } from "preact";
import { type Unit, valueText } from "./chart-scale.ts";
import { Text } from "./figures.tsx";
import { Empty } from "./table.tsx";

export interface RankRow {
  readonly name: string;
  readonly href?: string;
  /** Null: not known. */
  readonly value: number | null;
}

/**
 * Bars beside names, the longest for the largest: a table whose last column is drawn, so that it needs none beneath.
 */
export function RankChart({
  title,
  head,
  valueHead,
  unit,
  rows,
  empty,
}: {
  readonly title: string;
  readonly head: string;
  readonly valueHead: string;
  readonly unit: Unit;
  readonly rows: readonly RankRow[];
  readonly empty: ComponentChildren;
}): VNode {
  const most = Math.max(0, ...rows.map(({ value }) => value ?? 0));
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      {rows.length === 0 ? (
        <Empty>{empty}</Empty>
      ) : (
        <table class="rank">
          <caption class="hidden">{title}</caption>
          <thead class="hidden">
            <tr>
              <th scope="col">{head}</th>
              <th scope="col">{valueHead}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, href, value }, index) => (
              <tr key={index}>
                <th scope="row">
                  {href === undefined ? (
                    <Text>{name}</Text>
                  ) : (
                    <a href={href}>
                      <Text>{name}</Text>
                    </a>
                  )}
                </th>
                <td>
                  <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                    <path class="bar series-1" d={`M0 0H${widthOf(value, most)}V8H0z`} />
                  </svg>
                  <span class="number">{value === null ? "–" : valueText(value, unit)}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </figure>
  );
}

function widthOf(value: number | null, most: number): number {
  if (value === null || most <= 0) return 0;
  return Math.round((value / most) * 1_000) / 10;
}
