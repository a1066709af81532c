import { ServerFactsError } from "@centralcloud/db";
import { createClient } from "@centralcloud/postgres";
import type pg from "pg";

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
const serverTimeoutMs = 6_000;

/**
 * A connection that speaks the replication protocol, to the same place in the same way as any other of
 * `pg`. Its role needs the attribute REPLICATION, or to be a superuser.
 *
 * @param signal ends the attempt, also where the server has taken the connection and says nothing.
 */
export async function connectForReplication(url: string, signal?: AbortSignal): Promise<pg.Client> {
  const client = createClient(url, {
    applicationName: "centralcloud-cdc",
    replication: true,
    sessionFor: "change capture",
    sessionSettings: { wal_sender_timeout: String(serverTimeoutMs) },
  });
  const cut = () => client.cut();
  signal?.addEventListener("abort", cut, { once: true });
  try {
    signal?.throwIfAborted();
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  } finally {
    signal?.removeEventListener("abort", cut);
  }
}

/** As PostgreSQL counts them, and the central store keeps them. */
const lastTimeline = 2_147_483_647;

/** @throws {ServerFactsError} */
export async function identifyServer(client: pg.Client): Promise<ServerIdentity> {
  const { rows } = await client.query<{ systemid: string; timeline: number }>("IDENTIFY_SYSTEM");
  const [row] = rows;
  if (row === undefined) throw new Error("IDENTIFY_SYSTEM gave no row");
  const server = { systemId: String(row.systemid), timeline: Number(row.timeline) };
  const isWhole =
    /^\d{1,20}$/.test(server.systemId) && server.timeline > 0 && server.timeline <= lastTimeline;
  if (!isWhole || !Number.isInteger(server.timeline)) throw new ServerFactsError();
  return server;
}
