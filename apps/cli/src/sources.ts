import { databaseVariables } from "@centralcloud/consumer";
import { assertReachable, createPool, readSource } from "@centralcloud/db";
import { type Environment, parseConfiguration } from "@centralcloud/service";
import type { Pool } from "pg";

/** @throws {ConfigurationError} */
export function readSourceUrls(environment: Environment): readonly string[] {
  const { SOURCE_DATABASE_URLS } = databaseVariables;
  return parseConfiguration({ SOURCE_DATABASE_URLS }, environment).SOURCE_DATABASE_URLS;
}

/**
 * Does something at each source, one after the other, once all of them can be reached.
 *
 * @throws {DatabaseUnreachableError}
 */
export async function atEachSource<Result>(
  urls: readonly string[],
  action: (source: Pool, name: string) => Promise<Result>,
): Promise<Result[]> {
  await assertReachable(urls);
  const results: Result[] = [];
  for (const url of urls) {
    const pool = createPool(url, { applicationName: "centralcloud-cli", max: 1 });
    try {
      const { name } = await readSource(pool);
      results.push(await action(pool, name));
    } finally {
      await pool.end();
    }
  }
  return results;
}
