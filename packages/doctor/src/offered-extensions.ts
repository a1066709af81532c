import type { CheckedDatabase } from "./check.ts";

/** The newest version of each extension that the server offers and that we can use, by name. */
export async function offeredExtensions({
  client,
  server,
}: CheckedDatabase): Promise<ReadonlyMap<string, string>> {
  const rows = await server.query<{ name: string; version: string }>(
    client,
    `select a.name, a.default_version as version from pg_available_extensions a
      where a.name in ('pgmq', 'pgcrypto', 'pgsodium', 'timescaledb', 'pg_cron')`,
  );
  return new Map(rows.map(({ name, version }) => [name, version] as const));
}
