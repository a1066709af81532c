import { setTimeout as delay } from "node:timers/promises";
import { startCentralcloud } from "../bench/process.ts";
import type { Database } from "../bench/stage.ts";
import { type IdleFigures, rounded } from "./figures.ts";
import { connectionsOf, costOf, countRows, type Laboratory } from "./laboratory.ts";
import { processMs } from "./processor-time.ts";

/** Connections that were opened for the start are closed after a minute without use. */
const settleMs = 65_000;

export interface IdleOptions {
  readonly idleSources: number;
  readonly idleS: number;
  /** Whether the servers flush to disk, as production does; false for a smoke test. */
  readonly durable: boolean;
}

/** What one consumer costs that has many sources, and nothing to do. */
export async function measureIdle(lab: Laboratory, options: IdleOptions): Promise<IdleFigures> {
  const { idleSources, idleS, durable } = options;
  const { stage } = lab.source;
  const sources: Database[] = [];
  const central = await lab.central.stage.clone(await lab.central.stage.base("central"));
  for (let number = 0; number < idleSources; number++) {
    const source = await stage.clone(await stage.base("source"));
    await source.pool.query(
      "update singularity_source set source_id = gen_random_uuid(), name = current_database()",
    );
    sources.push(source);
  }
  const { child, finished } = startCentralcloud(["consume"], {
    SOURCE_DATABASE_URLS: sources.map(({ url }) => url).join(" "),
    CENTRAL_DATABASE_URL: central.url,
    CONSUMER_HTTP_PORT: "0",
    LOG_LEVEL: "warn",
  });
  try {
    while ((await countRows(central.pool, "central.sources")) < idleSources) await delay(100);
    await delay(durable ? settleMs : 500);
    const before = processMs(child.pid ?? 0);
    const { source } = await costOf(lab, () => delay(idleS * 1_000));
    const nodeMs = processMs(child.pid ?? 0) - before;
    let connections = 0;
    for (const database of sources) connections += await connectionsOf(database);
    return {
      sources: idleSources,
      nodeMsPerSecond: rounded(nodeMs / idleS / idleSources),
      sourceMsPerSecond: rounded(source.cpuMs / idleS / idleSources),
      sourceConnections: rounded(connections / idleSources),
      centralConnections: await connectionsOf(central),
    };
  } finally {
    child.kill("SIGTERM");
    await finished;
    await stage.drop(...sources);
    await lab.central.stage.drop(central);
  }
}
