import { setTimeout as delay } from "node:timers/promises";
import type { Arena } from "./arena.ts";
import { poisonSign } from "./traps.ts";

/**
 * Watches for merges of poison messages, and kills the process of each: the database shows
 * that it has begun, and the proxy knows whose connection it is. Continues until `until` is aborted.
 *
 * @returns how many processes were killed for each such message's agent
 */
export async function killMergers(
  { databases: { central }, replicas }: Omit<Arena, "signal">,
  until: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const kills = new Map<string, number>();
  while (!until.aborted) {
    const merges = await central
      .query<{ pid: number; port: number; agent: string }>(
        `select pid, client_port as port, substr(application_name, length($1) + 1) as agent
           from pg_stat_activity where starts_with(application_name, $1) and state = 'active'`,
        [poisonSign],
      )
      // The server is down, and no merge continues.
      .catch(() => []);
    for (const { pid, port, agent } of merges) {
      const replica = replicas.find(({ toCentral }) => toCentral.carries(port));
      if (replica !== undefined) {
        await replica.kill();
        kills.set(agent, (kills.get(agent) ?? 0) + 1);
        replica.start();
      }
      // It would wait on, and hold up whoever gets the messages next.
      await central.query("select pg_terminate_backend($1)", [pid]).catch(() => {});
    }
    await delay(30, undefined, { signal: until }).catch(() => {});
  }
  return kills;
}
