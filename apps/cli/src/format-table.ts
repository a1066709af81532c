import { printable } from "@centralcloud/service";

type Cell = string | number | null;

/** One line each: what a name holds must not look like another row. */
function safe(cell: Cell): Cell {
  return typeof cell === "string" ? printable(cell) : cell;
}

/** Rows as a plain table: names above, numbers to the right, nothing for null. */
export function formatTable<Row extends object>(rows: readonly Row[]): string {
  const [first] = rows;
  if (first === undefined) return "(none)";
  const names = Object.keys(first) as (keyof Row & string)[];
  const columns = names.map((name) => {
    const cells = rows.map((row) => safe(row[name] as Cell));
    const width = Math.max(name.length, ...cells.map((cell) => String(cell ?? "").length));
    const right = cells.every((cell) => cell === null || typeof cell === "number");
    const pad = (text: string) => (right ? text.padStart(width) : text.padEnd(width));
    return [pad(name), ...cells.map((cell) => pad(String(cell ?? "")))];
  });
  const lines = [0, ...rows.map((_, index) => index + 1)];
  return lines
    .map((line) =>
      columns
        .map((column) => column[line])
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
