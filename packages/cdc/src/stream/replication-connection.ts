import { connectionTo } from "@centralcloud/db";
import pg from "pg";

/** What a walsender says of the server that it belongs to. */
export interface ServerIdentity {
  /** Of the cluster; a copy of it has the same. */
  readonly systemId: string;
  /** Changes when a standby is promoted or a backup restored. */
  readonly timeline: number;
}

/**
 * How long the server waits for a word from us before it drops the connection, and another process may
 * read the slot. Shorter than the default of a minute, because hosts freeze and networks break silently.
 */
export const serverPatienceMs = 6_000;

const patience = `set wal_sender_timeout = ${serverPatienceMs}`;

/** Values come as text, which these decide about. */
export const textSettings: readonly string[] = [
  "set timezone = 'UTC'",
  "set datestyle = 'ISO, YMD'",
  "set intervalstyle = 'postgres'",
  "set extra_float_digits = 1",
  "set bytea_output = 'hex'",
];

/**
 * A connection that speaks the replication protocol, to the same place in the same way as any other of
 * `pg`. Its role needs the attribute REPLICATION, or to be a superuser.
 */
export async function connectForReplication(url: string): Promise<pg.Client> {
  const replicationUrl = new URL(url);
  replicationUrl.searchParams.set("replication", "database");
  const client = new pg.Client({
    ...connectionTo(replicationUrl.href),
    application_name: "centralcloud-cdc",
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
  // The query that is under way, or the next one, rejects; the stream ends with the error.
  client.on("error", () => {});
  try {
    await client.connect();
    for (const setting of [patience, ...textSettings]) await client.query(setting);
    return client;
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}

export async function identifyServer(client: pg.Client): Promise<ServerIdentity> {
  const { rows } = await client.query<{ systemid: string; timeline: number }>("IDENTIFY_SYSTEM");
  const [row] = rows;
  if (row === undefined) throw new Error("IDENTIFY_SYSTEM gave no row");
  return { systemId: row.systemid, timeline: Number(row.timeline) };
}
