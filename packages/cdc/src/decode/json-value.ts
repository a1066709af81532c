import type { JsonText } from "../change.ts";

/** Types whose values are JSON numbers, by object identifier: int8, int2, int4, oid, float4, float8, numeric. */
const numbers: ReadonlySet<number> = new Set([20, 21, 23, 26, 700, 701, 1700]);
const boolean = 16;
const json = 114;
const jsonb = 3802;
const bytea = 17;

/** Whatever `jsonb` might refuse of a `json`: characters it has not, and numbers out of its range. */
const mayBeRefused = /\\u(0000|d[89a-f])|[eE][+-]?\d{4}/i;

/**
 * A value as PostgreSQL writes it, as JSON: numbers and documents as they are, digit by digit, everything
 * else as a string. NaN and the infinities are strings.
 */
export function toJsonText(typeOid: number, text: string): JsonText {
  if (numbers.has(typeOid)) return /^-?\d/.test(text) ? text : JSON.stringify(text);
  if (typeOid === boolean) return text === "t" || text === "true" ? "true" : "false";
  if (typeOid === jsonb) return text;
  if (typeOid === json && !mayBeRefused.test(text)) return text;
  // wal2json leaves the prefix of its hexadecimal digits out.
  if (typeOid === bytea && !text.startsWith("\\x")) return JSON.stringify(`\\x${text}`);
  return JSON.stringify(text);
}

/** An object of names and values that are JSON already. */
export function toJsonObject(fields: readonly (readonly [string, JsonText])[]): JsonText {
  return `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}
