import { Breaker } from "@centralcloud/lane";
import { createClient, cutConnections, cutIdleConnections } from "@centralcloud/postgres";
import type { Observe } from "@centralcloud/service";
import type { Pool } from "pg";

/** How long a database may take to answer a probe. */
const probeMs = 3_000;

export interface DatabaseBreakerOptions {
  /** The source's name, or `central`. */
  readonly name: () => string;
  /** Of a source, once it is known. */
  readonly sourceId?: () => string | undefined;
  readonly url: string;
  /** Whose connections are not trusted any more after a fault. */
  readonly pool: Pool;
  readonly observe: Observe;
}

/**
 * The breaker that all users of one database share. While it is open the database is only probed, by
 * connections of their own, because those of the pool may all wait for an answer that never comes. When
 * it works again, what the pool had before the fault is cut: the ledger knows which of it took effect.
 */
export function createDatabaseBreaker(options: DatabaseBreakerOptions): Breaker {
  const { name, url, pool, observe } = options;
  const database = () => {
    const sourceId = options.sourceId?.();
    return { database: name(), ...(sourceId === undefined ? {} : { sourceId }) };
  };
  return new Breaker({
    probe: () => probe(url),
    probeCloses: true,
    onFailure({ kind, code, message }, retryInMs) {
      cutIdleConnections(pool);
      const fault = { kind, code, error: message, retryInMs };
      observe({ event: "database-fault", ...database(), ...fault });
    },
    onRecovery(downMs) {
      cutConnections(pool, performance.now() - downMs);
      observe({ event: "database-recovered", ...database(), downMs });
    },
  });
}

/** @throws when the database does not answer in time. */
async function probe(url: string): Promise<void> {
  const client = createClient(url, { applicationName: "centralcloud-probe", connectMs: probeMs });
  try {
    await client.connect();
    await client.query({ text: "select", ...{ query_timeout: probeMs } });
  } finally {
    client.connection.stream.destroy();
  }
}
