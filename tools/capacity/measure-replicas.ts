import { setTimeout as delay } from "node:timers/promises";
import { startCentralcloud } from "../bench/process.ts";
import type { Database } from "../bench/stage.ts";
import { findFreePort } from "../support/free-port.ts";
import { parseMetrics } from "../support/metrics-text.ts";
import { type ReplicaFigures, rounded } from "./figures.ts";
import { connectionsOf, countRows } from "./laboratory.ts";

export interface ReplicaOptions {
  /** Fewer than commands look at: a replica that starts has several connections to each for half a minute. */
  readonly replicaSources: number;
  /** How long quiet sources are left alone before they are looked at, and how long they are looked at, in seconds. */
  readonly settleS: number;
  readonly quietS: number;
}

/** Two replicas that start together over many quiet sources: what goes wrong, and what each source has of them then. */
export async function measureReplicas(
  sources: readonly Database[],
  central: Database,
  environment: Readonly<Record<string, string>>,
  { settleS, quietS }: ReplicaOptions,
): Promise<ReplicaFigures> {
  const ports = [await findFreePort(), await findFreePort()];
  const replicas = ports.map((port) =>
    startCentralcloud(["consume"], {
      ...environment,
      SOURCE_DATABASE_URLS: sources.map(({ url }) => url).join(" "),
      CONSUMER_HTTP_PORT: String(port),
    }),
  );
  const scrape = async (port: number) => {
    const startedAt = performance.now();
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    const text = await response.text();
    return { ms: performance.now() - startedAt, text };
  };
  try {
    while ((await countRows(central.pool, "central.sources")) < sources.length) await delay(100);
    while ((await countRows(central.pool, "central.consumers")) < ports.length) await delay(100);
    await delay(settleS * 1_000);
    const before = await transactionsOf(sources);
    await delay(quietS * 1_000);
    const transactions = (await transactionsOf(sources)) - before;
    let connections = 0;
    for (const source of sources) connections += await connectionsOf(source);
    const scrapes = [];
    for (let count = 0; count < 5; count += 1) {
      for (const port of ports) scrapes.push(await scrape(port));
    }
    const times = scrapes.map(({ ms }) => ms).toSorted((one, other) => one - other);
    const last = scrapes.slice(-ports.length).map(({ text }) => parseMetrics(text));
    const total = (name: string) =>
      last.reduce((sum, metrics) => sum + (metrics.value(name) ?? 0), 0);
    const perReplica = (value: number) => rounded(value / sources.length / ports.length);
    return {
      replicas: ports.length,
      sources: sources.length,
      faults: total("centralcloud_lane_faults_total") + total("centralcloud_database_faults_total"),
      listenersLost: total("centralcloud_listener_losses_total"),
      connectionsPerSource: perReplica(connections),
      transactionsPerSecond: perReplica(transactions / quietS),
      scrapeMs: Math.round(times[Math.floor(times.length / 2)] ?? Number.NaN),
      slowestScrapeMs: Math.round(times.at(-1) ?? Number.NaN),
      scrapeBytes: scrapes[0]?.text.length ?? 0,
    };
  } finally {
    for (const { child } of replicas) child.kill("SIGTERM");
    await Promise.all(replicas.map(({ finished }) => finished));
  }
}

/** Of all clients; ours are all that there are. */
async function transactionsOf([first, ...others]: readonly Database[]): Promise<number> {
  if (first === undefined) return 0;
  const names = [first, ...others].map(({ name }) => name);
  const { rows } = await first.pool.query<{ count: number }>(
    `select sum(d.xact_commit + d.xact_rollback)::float8 as count from pg_stat_database d where d.datname = any ($1)`,
    [names],
  );
  return rows[0]?.count ?? 0;
}
