import { availableParallelism, cpus } from "node:os";
import { startEmbeddedPostgres } from "@centralcloud/embedded";
import pg from "pg";

/** A server to measure on. */
export interface Server {
  /** How it was come by, in words. */
  readonly kind: string;
  urlOf(database: string): string;
  /** Connections to its `postgres` database, or to that of the URL. */
  readonly pool: pg.Pool;
  stop(): Promise<void>;
}

/**
 * What a small production server would have: durable, write-ahead log for logical decoding,
 * checkpoints that no run of a minute meets, autovacuum as it comes. The two tools cost next to nothing:
 * pg_stat_statements counts only where a database asks for it, and commit timestamps are eight bytes.
 */
const settings = {
  shared_buffers: "1GB",
  max_wal_size: "8GB",
  checkpoint_timeout: "15min",
  wal_level: "logical",
  max_connections: 600,
  track_commit_timestamp: true,
  shared_preload_libraries: "pg_stat_statements",
  "pg_stat_statements.track": "none",
};

/** @param durable false for a smoke test, which has no figures to spoil. */
export async function startServer(url: string | undefined, durable: boolean): Promise<Server> {
  if (url !== undefined) return open("a server by URL", urlsLike(url), url, async () => {});
  const embedded = await startEmbeddedPostgres({ databases: [], durable, settings });
  const urlOf = (database: string) => embedded.urlOf(database);
  return open("the embedded server", urlOf, urlOf("postgres"), () => embedded.stop());
}

function urlsLike(given: string): (database: string) => string {
  return (database) => {
    const url = new URL(given);
    url.pathname = `/${encodeURIComponent(database)}`;
    return url.href;
  };
}

async function open(
  kind: string,
  urlOf: (database: string) => string,
  adminUrl: string,
  stopServer: () => Promise<void>,
): Promise<Server> {
  const pool = new pg.Pool({ connectionString: adminUrl, application_name: "bench", max: 2 });
  pool.on("error", () => {});
  const stop = async () => {
    await pool.end();
    await stopServer();
  };
  try {
    await pool.query("select 1");
  } catch (error) {
    await stop();
    throw error;
  }
  return { kind, urlOf, pool, stop };
}

/** What the figures depend on and a reader must know. */
export interface Facts {
  readonly server: string;
  readonly postgres: string;
  readonly pgmq: string;
  readonly node: string;
  readonly cores: number;
  readonly processor: string;
  readonly settings: Readonly<Record<string, string>>;
}

const telling = [
  "shared_buffers",
  "work_mem",
  "max_wal_size",
  "checkpoint_timeout",
  "wal_level",
  "wal_compression",
  "fsync",
  "synchronous_commit",
  "full_page_writes",
  "autovacuum",
  "track_commit_timestamp",
  "max_connections",
  "jit",
];

/** @param source a Singularity database of the server, whose pgmq it tells. */
export async function describeServer(server: Server, source: pg.Pool): Promise<Facts> {
  const { rows } = await server.pool.query<{ name: string; setting: string }>(
    "select name, current_setting(name) as setting from pg_settings where name = any ($1) order by name",
    [telling],
  );
  const version = await server.pool.query<{ version: string }>("select version()");
  const pgmq = await source.query<{ version: string | null }>(
    `select coalesce((select extversion from pg_extension where extname = 'pgmq'),
                     obj_description(to_regnamespace('pgmq'), 'pg_namespace')) as version`,
  );
  return {
    server: server.kind,
    postgres: version.rows[0]?.version ?? "unknown",
    pgmq: pgmq.rows[0]?.version ?? "unknown",
    node: process.version,
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? "unknown",
    settings: Object.fromEntries(rows.map(({ name, setting }) => [name, setting])),
  };
}
