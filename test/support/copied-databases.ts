import { createDatabase } from "@centralcloud/embedded";
import { inject } from "vitest";
import { openTestDatabase, type TestDatabase } from "./databases.ts";

/**
 * Copies a database on its server, byte for byte and with its identity, as `create database … template` does. The
 * original's pool is ended for that; there is a new one.
 */
export async function copyTestDatabase(
  original: TestDatabase,
  suffix = "copy",
): Promise<{ readonly original: TestDatabase; readonly copy: TestDatabase }> {
  const { name, pool } = original;
  await pool.end();
  const copy = `${name}_${suffix}`;
  await createDatabase(inject("serverUrl"), copy, { template: name });
  return { original: openTestDatabase(name), copy: openTestDatabase(copy) };
}
