import {
  type ModelledTable,
  modelledTables,
  type Rows,
  type StoreContent,
} from "./store-content.ts";

/** One row of the central store that is not as the messages make it. */
export interface RowDifference {
  readonly table: ModelledTable;
  readonly key: string;
  /** In words, without saying which messages have to do with it. */
  readonly text: string;
}

export function compareStores(expected: StoreContent, actual: StoreContent): RowDifference[] {
  return modelledTables.flatMap((table) => compareTables(table, expected[table], actual[table]));
}

function compareTables(table: ModelledTable, expected: Rows, actual: Rows): RowDifference[] {
  const differences: RowDifference[] = [];
  for (const [key, row] of expected) {
    const found = actual.get(key);
    if (found === undefined) {
      differences.push({ table, key, text: `${nameRow(table, key)} is missing` });
      continue;
    }
    const wrong = Object.entries(row).filter(([column, value]) => found[column] !== value);
    if (wrong.length === 0) continue;
    const words = wrong.map(
      ([column, value]) => `${column} is ${found[column]}, expected ${value}`,
    );
    differences.push({ table, key, text: `${nameRow(table, key)}: ${words.join("; ")}` });
  }
  for (const key of actual.keys()) {
    if (expected.has(key)) continue;
    differences.push({
      table,
      key,
      text: `${nameRow(table, key)} is there, and no message made it`,
    });
  }
  return differences;
}

function nameRow(table: ModelledTable, key: string): string {
  return `${table} (${key.replaceAll("\t", ", ")})`;
}
