import { printable } from "@centralcloud/service";
import stringWidth from "string-width";
import { columnsOf, type Meaning, paint, wrapText } from "./output.ts";

export type Cell = string | number | null;

/** What a cell means, by its column and value; undefined for most. */
export type MeaningOf = (name: string, value: Cell) => Meaning | undefined;

/** The colour of a column by its values, such as `{ state: { failed: "bad" } }`. */
export function coloured(
  columns: Readonly<Record<string, Readonly<Record<string, Meaning>>>>,
): MeaningOf {
  return (name, value) => columns[name]?.[String(value)];
}

export interface TableOptions {
  /** Columns that there are; default: those of the terminal. Undefined where it is none: then a row is a line. */
  readonly columns?: number | undefined;
  readonly meaningOf?: MeaningOf | undefined;
}

interface Column {
  readonly name: string;
  /** One text for each row: no line ends, nothing that steers a terminal. */
  readonly cells: readonly string[];
  readonly isNumeric: boolean;
  readonly width: number;
}

const gap = "  ";

/** Characters of a cell: a database may say anything, and the width of each character has to be found. */
const longest = 10_000;

/** A column of text is made no narrower than this, or its name. */
const narrowest = 10;

/**
 * Rows as a plain table: names above, numbers to the right, nothing for null. Where it is wider than the terminal, the
 * widest columns are made narrower and their cells take several lines; where that is not enough, each row is shown as
 * a list of its cells. Nothing is left out.
 */
export function formatTable<Row extends object>(
  rows: readonly Row[],
  { columns: available = columnsOf(process.stdout), meaningOf }: TableOptions = {},
): string {
  const [first] = rows;
  if (first === undefined) return "(none)";
  const columns = Object.keys(first).map((name) => columnOf(name, rows));
  const meanings = rows.map((row) =>
    columns.map(({ name }) => meaningOf?.(name, (row as Record<string, Cell>)[name] ?? null)),
  );
  const fitting = fit(columns, available);
  return fitting === undefined
    ? formatRecords(columns, meanings, available ?? 80)
    : formatLines(fitting, meanings);
}

function columnOf(name: string, rows: readonly object[]): Column {
  const values = rows.map((row) => ((row as Record<string, Cell>)[name] ?? null) as Cell);
  const cells = values.map((value) => cellText(String(value ?? "")));
  const isNumeric = values.every((value) => value === null || typeof value === "number");
  const width = Math.max(stringWidth(name), ...cells.map((cell) => stringWidth(cell)));
  return { name, cells, isNumeric, width };
}

/** One line: what a name holds must not look like another row. A longer text says that it was cut. */
function cellText(text: string): string {
  if (text.length <= longest) return printable(text);
  return `${printable(text.slice(0, longest))}… (${text.length} characters; --json shows all)`;
}

/** The columns in a width that they have room in, the widest cut to the same; undefined where there is no room. */
function fit(
  columns: readonly Column[],
  available: number | undefined,
): readonly Column[] | undefined {
  if (available === undefined) return columns;
  const room = available - gap.length * (columns.length - 1);
  const least = ({ name, isNumeric, width }: Column) =>
    isNumeric ? width : Math.min(width, Math.max(narrowest, stringWidth(name)));
  const widthAt = (column: Column, level: number) =>
    Math.max(least(column), Math.min(column.width, level));
  const sumAt = (level: number) => columns.reduce((sum, column) => sum + widthAt(column, level), 0);
  let level = Math.max(...columns.map(({ width }) => width));
  if (sumAt(level) > room) level = Math.min(level, Math.max(narrowest, room));
  while (level > narrowest && sumAt(level) > room) level -= 1;
  if (sumAt(level) > room) return undefined;
  let spare = room - sumAt(level);
  return columns.map((column) => {
    const width = widthAt(column, level);
    // What rounding has left goes to the first columns that have a use for it.
    const more = spare > 0 && width < column.width ? 1 : 0;
    spare -= more;
    return { ...column, width: width + more };
  });
}

type Meanings = readonly (readonly (Meaning | undefined)[])[];

function formatLines(columns: readonly Column[], meanings: Meanings): string {
  const head = line(columns, (column) => column.name);
  const lines = meanings.flatMap((row, index) => {
    const cells = columns.map((column) => wrap(column.cells[index] ?? "", column.width));
    const height = Math.max(1, ...cells.map((cell) => cell.length));
    return Array.from({ length: height }, (_, at) =>
      line(
        columns,
        (_column, place) => cells[place]?.[at] ?? "",
        (place) => row[place],
      ),
    );
  });
  return [head, ...lines].join("\n");
}

function line(
  columns: readonly Column[],
  textOf: (column: Column, place: number) => string,
  meaningOf: (place: number) => Meaning | undefined = () => "strong",
): string {
  const texts = columns.map((column, place) => textOf(column, place));
  const last = texts.findLastIndex((text) => text !== "");
  return columns
    .slice(0, last + 1)
    .map((column, place) => {
      const text = texts[place] ?? "";
      const pad = " ".repeat(Math.max(0, column.width - stringWidth(text)));
      const meaning = meaningOf(place);
      const shown = meaning === undefined ? text : paint(meaning, text);
      if (column.isNumeric) return `${pad}${shown}`;
      return place === last ? shown : `${shown}${pad}`;
    })
    .join(gap);
}

/** A cell on lines of so many columns: broken between words where there are any, else anywhere. */
function wrap(cell: string, width: number): readonly string[] {
  if (stringWidth(cell) <= width) return [cell];
  return wrapText(cell, width);
}

/** Each row as a list, for terminals that are too narrow for a table. */
function formatRecords(columns: readonly Column[], meanings: Meanings, available: number): string {
  const label = Math.max(...columns.map(({ name }) => stringWidth(name)));
  const width = Math.max(narrowest, available - label - gap.length);
  const records = meanings.map((row, index) =>
    columns
      .flatMap(({ name, cells }, place) => {
        const text = cells[index] ?? "";
        if (text === "") return [];
        const meaning = row[place];
        return wrap(text, width).map((part, at) => {
          const shown = meaning === undefined ? part : paint(meaning, part);
          const head = at === 0 ? paint("strong", name) : "";
          const pad = " ".repeat(label - (at === 0 ? stringWidth(name) : 0));
          return `${head}${pad}${gap}${shown}`;
        });
      })
      .join("\n"),
  );
  return records.join("\n\n");
}
