import { formatTable as formatColoured, widthOf, withoutColours } from "@centralcloud/cli";
import { printable } from "@centralcloud/service";
import fc from "fast-check";
import { expect, test } from "vitest";

const formatTable: typeof formatColoured = (...given) => withoutColours(formatColoured(...given));

const rows = [
  { source: "eu-1", count: 7, error: "the confidence must be from 0 to 1, and it is 1.5" },
  { source: "東京のデータベース", count: 12_000, error: "none" },
];

test("a table that fits is one line a row, numbers to the right, whatever their width", () => {
  expect(formatTable(rows, { columns: undefined }).split("\n")).toEqual([
    "source              count  error",
    "eu-1                    7  the confidence must be from 0 to 1, and it is 1.5",
    "東京のデータベース  12000  none",
  ]);
});

test("a table that is too wide has its widest column narrower, and its cells on several lines", () => {
  expect(formatTable(rows, { columns: 50 }).split("\n")).toEqual([
    "source              count  error",
    "eu-1                    7  the confidence must be",
    "                           from 0 to 1, and it is",
    "                           1.5",
    "東京のデータベース  12000  none",
  ]);
});

test("where columns can't be made narrow enough, each row is a list of its cells, without the empty ones", () => {
  const [first, second] = rows;
  expect(formatTable([{ ...first, note: null }, second as object], { columns: 24 })).toBe(
    [
      "source  eu-1",
      "count   7",
      "error   the confidence",
      "        must be from 0",
      "        to 1, and it is",
      "        1.5",
      "",
      "source  東京のデータベー",
      "        ス",
      "count   12000",
      "error   none",
    ].join("\n"),
  );
});

test("a cell of any length is shown soon, and says that it was cut", () => {
  const text = "東".repeat(5_000_000);
  const table = formatTable([{ text }], { columns: 80 });
  expect(table.length).toBeLessThan(30_000);
  expect(table.replaceAll("\n", "")).toMatch(/東… ?\(5000000 ?characters; ?--json ?shows ?all\)$/);
});

test("no rows are said to be none", () => {
  expect(formatTable([])).toBe("(none)");
});

test("a cell can't look like another row, move the cursor, turn a line around or colour it", () => {
  const name = "a\nb  \u001b[31mred\u202edet\u0001x";
  const table = formatTable([{ name, count: 1 }], { columns: undefined });
  expect(table.split("\n")).toHaveLength(2);
  expect(table).toContain(String.raw`a\u000ab  \u001b[31mred\u202edet\u0001x`);
});

const text = fc.string({ unit: "grapheme", maxLength: 60 });
const anyRows = fc.array(
  fc.record({ first: text, number: fc.option(fc.nat()), second: text, third: text }),
  { minLength: 1, maxLength: 5 },
);

test("whatever is in it, a table is no wider than its terminal, and nothing of it is lost", () => {
  fc.assert(
    fc.property(anyRows, fc.integer({ min: 30, max: 120 }), (some, columns) => {
      const table = formatTable(some, { columns });
      for (const line of table.split("\n")) expect(widthOf(line)).toBeLessThanOrEqual(columns);
      const shown = deadLettersOf(table);
      const given = deadLettersOf(
        some
          .flatMap((row) => Object.values(row))
          .map(textOf)
          .join(""),
      );
      for (const [character, count] of given) {
        expect(shown.get(character) ?? 0, character).toBeGreaterThanOrEqual(count);
      }
    }),
    { numRuns: 50 },
  );
});

const textOf = (cell: string | number | null) => printable(String(cell ?? ""));

/** How often a text has each of its characters; names of columns are in it more often where rows are lists. */
function deadLettersOf(table: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const character of table.replaceAll(/\s/gu, "")) {
    counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  return counts;
}
