import pg from "pg";

/** Booleans, whole numbers up to four bytes, floating-point numbers and times. */
const simple: ReadonlySet<number> = new Set([
  pg.types.builtins.BOOL,
  pg.types.builtins.INT2,
  pg.types.builtins.INT4,
  pg.types.builtins.FLOAT4,
  pg.types.builtins.FLOAT8,
  pg.types.builtins.TIMESTAMP,
  pg.types.builtins.TIMESTAMPTZ,
]);

/**
 * Reads values of simple types as `pg` does, and all others as the text that they are on the wire: JSON and arrays
 * can take thirty times their text in memory, and whoever owns the tables that we ask decides of what type they are.
 */
export const plainTypes: pg.CustomTypesConfig = {
  getTypeParser: ((id: number, format?: "text" | "binary") =>
    simple.has(id)
      ? pg.types.getTypeParser(id, format as "text")
      : (text: string) => text) as pg.CustomTypesConfig["getTypeParser"],
};
