import type { CheckedDatabase } from "../check.ts";
import { type CheckResult, ok, runStatement, warning } from "../finding.ts";

/** A replica reports itself every five seconds. */
export const silenceS = 60;

/** Replicas that ended silently are dead, or cut off; the store forgets them after a day. */
export async function checkConsumers({ client }: CheckedDatabase): Promise<CheckResult[]> {
  const { rows } = await client.query<{
    id: string;
    host: string;
    version: string;
    silentS: number;
  }>(
    `select c.id, c.host, c.version,
            extract(epoch from clock_timestamp() - c.last_seen_at)::integer as "silentS"
       from central.consumers c order by c.last_seen_at desc`,
  );
  // What is dated in the future was said before the clock was set back.
  const silent = rows.filter(({ silentS }) => Math.abs(silentS) > silenceS);
  const live = rows.length - silent.length;
  const versions = new Set(
    rows.filter((row) => !silent.includes(row)).map(({ version }) => version),
  );
  const mixed = versions.size > 1 ? `, of several versions: ${[...versions].join(", ")}` : "";
  return [
    ok(`${live} consumer${live === 1 ? "" : "s"} at work${mixed}`),
    ...silent.map(({ id, host, silentS }) =>
      warning(
        silentS > 0
          ? `the consumer ${id} on ${host} ended without signing off ${silentS} s ago`
          : `the consumer ${id} on ${host} ended without signing off before the server's clock was set back`,
        `see why in its log; off the list: select central.retire_consumer('${id}')`,
        runStatement(`select central.retire_consumer('${id}')`),
      ),
    ),
  ];
}
