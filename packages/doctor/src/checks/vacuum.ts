import type { CheckedDatabase } from "../check.ts";
import { type CheckResult, ok, warning } from "../finding.ts";

/** Queues turn over many times a day and the store is written all the time: without vacuum both slow down. */
export async function checkVacuum({ facts }: CheckedDatabase): Promise<CheckResult[]> {
  const { autovacuum, trackCounts, trackCommits } = facts;
  const missing = [
    ...(autovacuum === "on" ? [] : ["autovacuum"]),
    ...(trackCounts === "on" ? [] : ["track_counts"]),
  ];
  if (missing.length > 0) {
    const statements = missing.map((name) => `alter system set ${name} = on`).join("; ");
    const message = `${missing.join(" and ")} is off: queues get slower with every message`;
    return [warning(message, `${statements}; select pg_reload_conf()`)];
  }
  return [ok(`autovacuum is on (track_commit_timestamp is ${trackCommits}; nothing needs it)`)];
}
