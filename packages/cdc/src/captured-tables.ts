/** What is captured unless the configuration says otherwise. */
export const defaultTables: readonly string[] = [
  "learned_patterns",
  "agent_sessions",
  "agents",
  "pending_tasks",
];

/**
 * Columns of `agent_sessions` that may be captured. Named one by one, so that neither the session's state
 * nor a column of the future is stored, whatever the configuration says.
 */
const sessionColumns: ReadonlySet<string> = new Set([
  "id",
  "agent_id",
  "confidence",
  "created_at",
  "last_synced_at",
  "unsynced",
  "sync_error",
]);

/** Which tables are captured, and which of their columns. */
export interface CapturedTables {
  readonly names: readonly string[];
  /** Never stored, as `table.column`. */
  readonly leftOut: readonly string[];
  /** What a table is called in the change log, or undefined where it is not captured. */
  nameOf(schema: string, table: string): string | undefined;
  /** Whether a column of a captured table is stored. */
  isStored(name: string, column: string): boolean;
}

/** @param names tables of `public`, or `schema.table`. */
export function createCapturedTables(
  names: readonly string[],
  leftOut: readonly string[],
): CapturedTables {
  const captured = new Set(names.map(shorten));
  const hidden = new Set(leftOut.map(shorten));
  return {
    names: [...captured],
    leftOut: [...hidden],
    nameOf(schema, table) {
      const name = schema === "public" ? table : `${schema}.${table}`;
      return captured.has(name) ? name : undefined;
    },
    isStored(name, column) {
      if (name === "agent_sessions" && !sessionColumns.has(column)) return false;
      return !hidden.has(`${name}.${column}`);
    },
  };
}

function shorten(name: string): string {
  return name.replace(/^public\./, "");
}

/** A captured table as SQL wants it: its schema and its name. */
export function qualify(name: string): readonly [schema: string, table: string] {
  const [schema, table] = name.split(".");
  return table === undefined ? ["public", name] : [schema ?? "public", table];
}
