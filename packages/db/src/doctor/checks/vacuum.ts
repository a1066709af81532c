import { type CheckedDatabase, readRow } from "../check.ts";
import { ok, type Verdict, warning } from "../finding.ts";

/** Queues turn over many times a day and the store is written all the time: without vacuum both slow down. */
export async function checkVacuum({ client }: CheckedDatabase): Promise<Verdict[]> {
  const settings = await readRow<{ autovacuum: string; counts: string; commits: string }>(
    client,
    `select current_setting('autovacuum') as autovacuum, current_setting('track_counts') as counts,
            current_setting('track_commit_timestamp') as commits`,
  );
  const missing = [
    ...(settings.autovacuum === "on" ? [] : ["autovacuum"]),
    ...(settings.counts === "on" ? [] : ["track_counts"]),
  ];
  if (missing.length > 0) {
    const statements = missing.map((name) => `alter system set ${name} = on`).join("; ");
    const message = `${missing.join(" and ")} is off: queues get slower with every message`;
    return [warning(message, `${statements}; select pg_reload_conf()`)];
  }
  return [ok(`autovacuum is on (track_commit_timestamp is ${settings.commits}; nothing needs it)`)];
}
