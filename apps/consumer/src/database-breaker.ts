import { cutIdleConnections, probe } from "@centralcloud/db";
import { Breaker } from "@centralcloud/pgmq";
import type { Observe } from "@centralcloud/service";
import type { Pool } from "pg";

/** How long a database may take to answer a probe. */
const probeMs = 3_000;

/**
 * The breaker that all users of one database share. While it is open the database is only probed; what
 * connections were left from before the fault are not trusted.
 *
 * @param name the source's name, or `central`.
 */
export function createDatabaseBreaker(name: () => string, pool: Pool, observe: Observe): Breaker {
  return new Breaker({
    probe: () => probe(pool, probeMs),
    probeCloses: true,
    onFailure({ kind, code, message }, retryInMs) {
      cutIdleConnections(pool);
      const database = name();
      observe({ event: "database-fault", database, kind, code, error: message, retryInMs });
    },
    onRecovery(downMs) {
      observe({ event: "database-recovered", database: name(), downMs });
    },
  });
}
