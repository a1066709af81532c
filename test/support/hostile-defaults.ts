import type { TestDatabase } from "./databases.ts";

/** Defaults that change what the sessions of others mean. Each is one that somebody has for a reason. */
export const hostileDefaults: Readonly<Record<string, string>> = {
  DateStyle: "German",
  TimeZone: "Asia/Kathmandu",
  client_encoding: "LATIN1",
  standard_conforming_strings: "off",
  idle_session_timeout: "2s",
  idle_in_transaction_session_timeout: "300ms",
  statement_timeout: "700ms",
  lock_timeout: "50ms",
  row_security: "on",
  search_path: "elsewhere",
  default_transaction_isolation: "serializable",
  default_transaction_deferrable: "on",
  synchronous_commit: "off",
  session_replication_role: "replica",
  IntervalStyle: "sql_standard",
  extra_float_digits: "-10",
  bytea_output: "escape",
  xmlbinary: "hex",
  array_nulls: "off",
  transform_null_equals: "on",
  quote_all_identifiers: "on",
  client_min_messages: "error",
};

/** What each session of ours has instead. */
export const ownDefaults: Readonly<Record<string, string>> = {
  DateStyle: "ISO, MDY",
  TimeZone: "UTC",
  client_encoding: "UTF8",
  standard_conforming_strings: "on",
  idle_session_timeout: "0",
  idle_in_transaction_session_timeout: "0",
  statement_timeout: "0",
  lock_timeout: "0",
  row_security: "off",
  search_path: "public",
  default_transaction_isolation: "read committed",
  default_transaction_deferrable: "off",
  synchronous_commit: "on",
  session_replication_role: "origin",
  IntervalStyle: "postgres",
  extra_float_digits: "1",
  bytea_output: "hex",
  xmlbinary: "base64",
  array_nulls: "on",
  transform_null_equals: "off",
  quote_all_identifiers: "off",
  client_min_messages: "notice",
};

/**
 * Gives the sessions of a database such defaults, from the next one on.
 *
 * @param role only its sessions; default: those of everybody.
 */
export async function setDefaults(
  { name, pool }: TestDatabase,
  defaults: Readonly<Record<string, string>>,
  role?: string,
): Promise<void> {
  const whose = role === undefined ? `database "${name}"` : `role ${role} in database "${name}"`;
  for (const [setting, value] of Object.entries(defaults)) {
    await pool.query(
      `alter ${whose} set ${setting} = ${setting === "search_path" ? value : `'${value}'`}`,
    );
  }
}

export async function resetDefaults({ name, pool }: TestDatabase, role?: string): Promise<void> {
  await pool.query(`alter database "${name}" reset all`);
  if (role !== undefined) await pool.query(`alter role ${role} in database "${name}" reset all`);
}
