import { printable } from "@centralcloud/service";
import { formatTable, type MeaningOf } from "./format-table.ts";
import { paint, print } from "./output.ts";
import { writeJson } from "./raw-json.ts";
import { type Answers, assertComplete } from "./sources.ts";

/** What a command prints of rows that several sources gave. */
export interface Shown<Row> {
  readonly json: boolean;
  /** What the rows are, as the key of a JSON document that lacks some: `queues`. */
  readonly name: string;
  /** A row as a line of a table has it. */
  readonly describe: (row: Row) => object;
  /** What a cell of the table means, for its colour; undefined for most. */
  readonly meaningOf?: MeaningOf;
  /** Where a table is one page of more: the options that get the next one, such as `--before 12`, a line each. */
  readonly next?: readonly string[];
}

/**
 * Prints the rows of every source that answered, and names the others. JSON is the rows alone where no source is
 * missing, so that nothing has to be taken out of a document that is whole.
 *
 * @throws {SourcesMissingError} once it is printed.
 */
export function showRows<Row extends object>(
  asked: Answers<readonly Row[]>,
  { json, name, describe, meaningOf, next = [] }: Shown<Row>,
): void {
  const rows = asked.answers.flat();
  if (json) print(withMissing(asked, name, JSON.stringify(rows)));
  else {
    const table = formatTable(rows.map(describe), { meaningOf });
    const more = next.map((options) => `more: ${options}`);
    showText(asked, [table, ...(more.length > 0 ? ["", ...more] : [])].join("\n"));
  }
  assertComplete(asked);
}

/** What a command prints of a page of rows. */
export interface ShownPage<Row> extends Shown<Row> {
  /** What options get the next page, such as `--after …`; null on the last one. */
  readonly more: string | null;
  /** What the JSON document says besides. */
  readonly extra: Readonly<Record<string, unknown>>;
}

/**
 * Prints a page of rows, and names the databases that could not be asked. JSON is an object of the rows, of where the next
 * page begins, and of what is missing. Texts of JSON in rows go into it as they are.
 *
 * @throws {SourcesMissingError} once it is printed.
 */
export function showPage<Row extends object>(
  asked: Answers<unknown>,
  rows: readonly Row[],
  { json, name, describe, meaningOf, more, extra }: ShownPage<Row>,
): void {
  if (json) print(writeJson({ [name]: rows, ...extra, ...missingOf(asked) }));
  else {
    const table = formatTable(rows.map(describe), { meaningOf });
    showText(asked, more === null ? table : `${table}\n\nmore: ${more}`);
  }
  assertComplete(asked);
}

/** The JSON document of a list: the list itself, or an object of it and of what it lacks. */
export function withMissing(asked: Answers<unknown>, name: string, list: string): string {
  const missing = missingOf(asked);
  if (missing.unreachable.length + missing.failed.length === 0) return list;
  return `{${JSON.stringify(name)}:${list},${JSON.stringify(missing).slice(1)}`;
}

export type Missing = Pick<Answers<unknown>, "unreachable" | "failed">;

/** What JSON documents say of the sources that are not in them. */
export function missingOf({ unreachable, failed }: Answers<unknown>): Missing {
  return { unreachable, failed };
}

/** Prints a text about the sources that answered, and beneath it a line of those that did not. */
export function showText(asked: Answers<unknown>, text: string): void {
  const told = withSilent(asked, text);
  if (told !== undefined) print(told);
}

/** A text about the sources that answered, and beneath it a line of those that did not; undefined where all refused. */
export function withSilent(asked: Answers<unknown>, text: string): string | undefined {
  const lines = Object.entries({ unreachable: asked.unreachable, "not asked": asked.failed })
    .filter(([, silences]) => silences.length > 0)
    .map(
      ([how, silences]) =>
        `${paint("bad", `${how}:`)} ${silences.map(({ source }) => printable(source)).join(", ")}`,
    );
  const isSilent = asked.answers.length === 0 && lines.length > 0;
  // Those that refused have told why; there is nothing to put above that.
  if (isSilent && asked.unreachable.length === 0) return undefined;
  // "(none)" would look like good news.
  const told = isSilent ? "no source answered, so there is nothing to show" : text;
  return [told, ...(lines.length > 0 ? ["", ...lines] : [])].join("\n");
}
