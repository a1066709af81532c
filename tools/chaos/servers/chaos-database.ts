import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { ChaosServer } from "./chaos-server.ts";

export interface Queryable {
  query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
}

/** How long the suite itself waits for a server that is being restarted, in milliseconds. */
const timeoutMs = 120_000;

/** The connections of the suite itself, which faults leave alone. */
const suiteName = "chaos-suite";

/** A database on a server that comes and goes; the suite's own way to it, past the proxies. */
export class ChaosDatabase implements Queryable {
  readonly name: string;
  readonly server: ChaosServer;
  #pool: pg.Pool | undefined;
  #url = "";

  constructor(server: ChaosServer, name: string) {
    this.server = server;
    this.name = name;
  }

  /** Fails while the server is down. */
  async query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]> {
    return (await this.#connected().query<Row>(text, values)).rows;
  }

  /** The same, waiting for the server to come back; for statements that may be repeated. */
  async queryUntilAnswered<Row extends pg.QueryResultRow>(
    text: string,
    values?: unknown[],
  ): Promise<Row[]> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      try {
        return await this.query<Row>(text, values);
      } catch (error) {
        if (!isPassing(error) || performance.now() > deadline) throw error;
      }
      await delay(100);
    }
  }

  /** Does something with a connection of its own, which is thrown away afterwards. */
  async withClient<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    const client = await this.#connected().connect();
    client.on("error", () => {});
    try {
      return await work(client);
    } finally {
      client.release(true);
    }
  }

  async close(): Promise<void> {
    await this.#pool?.end();
    this.#pool = undefined;
  }

  /** A server that found its port taken comes back with another one. */
  #connected(): pg.Pool {
    const url = this.server.urlOf(this.name);
    if (this.#pool !== undefined && this.#url === url) return this.#pool;
    void this.#pool?.end().catch(() => {});
    this.#url = url;
    this.#pool = new pg.Pool({
      connectionString: url,
      application_name: suiteName,
      max: 8,
      connectionTimeoutMillis: 5_000,
    });
    this.#pool.on("error", () => {});
    return this.#pool;
  }
}

/** Whether the error is of a server or a connection that went away, and not of the statement. */
export function isPassing(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  // pg gives no code to a connection that broke, Node's network its own names.
  if (code === undefined) return /connection|timeout/i.test(message ?? "");
  return /^E[A-Z]+$/.test(code) || /^(08|40|53|55|57)/.test(code);
}
