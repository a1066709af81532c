import type { ComponentChildren, VNode } from "preact";

export interface Column<Row> {
  readonly head: string;
  /** Numbers and times of fixed width stand on the right, one beneath the other. */
  readonly isNumber?: boolean;
  /** Left out on narrow screens, where a row is a card. */
  readonly isMinor?: boolean;
  readonly cell: (row: Row) => ComponentChildren;
}

export interface TableProps<Row> {
  /** Says what it shows; read aloud before it, and shown above it where `showCaption` is. */
  readonly caption: string;
  readonly showCaption?: boolean;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** What is shown where there is no row: says why, and what that means. */
  readonly empty: ComponentChildren;
  readonly toneOf?: (row: Row) => string | undefined;
}

/** A table; its first column names the row. On a narrow screen each row is a block with the heads beside its cells. */
export function Table<Row>(props: TableProps<Row>): VNode {
  const { caption, showCaption, columns, rows, keyOf, empty, toneOf } = props;
  if (rows.length === 0) return <Empty>{empty}</Empty>;
  const classOf = ({ isNumber, isMinor }: Column<Row>) =>
    [isNumber ? "right" : "", isMinor ? "minor" : ""].join(" ").trim() || undefined;
  return (
    <div class="table-frame">
      <table>
        <caption class={showCaption ? undefined : "hidden"}>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th scope="col" class={classOf(column)} key={column.head}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} class={toneOf?.(row)}>
              {columns.map((column, index) =>
                index === 0 ? (
                  <th scope="row" class={classOf(column)} key={column.head}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td class={classOf(column)} data-head={column.head} key={column.head}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Nothing is there, and why. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <div class="empty">{children}</div>;
}

/** Links to the first page and the next; lists are read by where the last page ended, and have no total. */
export function Pagination({
  first,
  next,
}: {
  /** Undefined on the first page. */
  readonly first: string | undefined;
  /** Undefined on the last page. */
  readonly next: string | undefined;
}) {
  if (first === undefined && next === undefined) return null;
  return (
    <nav class="pages" aria-label="Pages">
      {first !== undefined && <a href={first}>First page</a>}
      {next !== undefined && (
        <a href={next} rel="next">
          Next page
        </a>
      )}
    </nav>
  );
}

/** Names and values, one beneath the other. */
export function Facts({
  facts,
}: {
  readonly facts: readonly (readonly [name: string, value: ComponentChildren])[];
}) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
