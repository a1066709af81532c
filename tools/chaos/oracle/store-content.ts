import { contractFor, type MergedTable, queueNames } from "@centralcloud/contracts";

/** Rows of one table of the central store, by their key; each row's columns as comparable text. */
export type Rows = Map<string, Readonly<Record<string, string>>>;

export type ModelledTable = "sources" | MergedTable;

/** The tables that the oracle compares. */
export const modelledTables: readonly ModelledTable[] = [
  "sources",
  ...queueNames.flatMap((queue) => contractFor(queue).tables),
];

export type StoreContent = Readonly<Record<ModelledTable, Rows>>;

/** How keys are put together from their columns; no column of a key holds a tab. */
export function keyOf(...columns: readonly string[]): string {
  return columns.join("\t");
}
