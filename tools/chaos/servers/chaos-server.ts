import { execFile } from "node:child_process";
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@centralcloud/embedded";
import pg from "pg";
import { Turns } from "../run/turns.ts";
import { dataIn, makeGround, removeGround } from "./ground.ts";

/** Fast disconnects everyone and ends in order; immediate is a crash that the next start recovers from. */
export type StopMode = "fast" | "immediate";

/** Where a copy of a server's data lies. */
export interface BaseBackup {
  readonly ground: string;
  readonly cluster: string;
  /** A file that belongs to the server's account. */
  readonly ownerOf: string;
  /** The file of the superuser's password. */
  readonly password: string;
  readonly databases: readonly string[];
}

export async function dropBackup({ ground }: BaseBackup): Promise<void> {
  await rm(ground, { recursive: true, force: true });
}

/** A PostgreSQL server of its own that can be stopped and started again with its data. */
export class ChaosServer {
  readonly name: string;
  /** One fault at a time stops or crashes it. */
  readonly turns = new Turns();
  readonly #ground: string;
  readonly #databases: readonly string[];
  #running: EmbeddedPostgres | undefined;
  #url = "";

  private constructor(name: string, ground: string, databases: readonly string[]) {
    this.name = name;
    this.#ground = ground;
    this.#databases = databases;
  }

  /** Makes a new cluster and starts it; remove it with {@link remove}. */
  static async create(name: string, databases: readonly string[]): Promise<ChaosServer> {
    const server = new ChaosServer(name, await makeGround(), databases);
    try {
      await server.start();
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  /**
   * Another server, at another port, that is started from a base backup: a physical copy. As a standby it follows
   * nobody and can be promoted.
   */
  static async createFrom(
    name: string,
    backup: BaseBackup,
    options: { readonly standby?: boolean } = {},
  ): Promise<ChaosServer> {
    const server = new ChaosServer(name, await makeGround(), backup.databases);
    try {
      await mkdir(dataIn(server.#ground), { mode: 0o755 });
      await server.restore(backup);
      const { password, ownerOf } = backup;
      await cp(password, join(dataIn(server.#ground), "password"));
      if (options.standby) await server.#makeStandby(ownerOf);
      await server.start();
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  /** A base backup of the server while it runs, as pg_basebackup takes one; delete it with {@link dropBackup}. */
  async backUp(): Promise<BaseBackup> {
    const ground = await makeGround();
    const from = join(dataIn(this.#ground), "cluster");
    const to = join(ground, "cluster");
    const copy = promisify(execFile);
    const client = new pg.Client({ connectionString: this.#url });
    await client.connect();
    try {
      await client.query("select pg_backup_start('test', true)");
      // Files come and go meanwhile; the log has what changed.
      await copy("cp", ["--archive", from, to]).catch(() => {});
      const { rows } = await client.query("select labelfile from pg_backup_stop(false)");
      await rm(join(to, "pg_wal"), { recursive: true, force: true });
      await copy("cp", ["--archive", join(from, "pg_wal"), join(to, "pg_wal")]);
      const label = join(to, "backup_label");
      await writeFile(label, rows[0].labelfile);
      await copy("chown", [`--reference=${join(to, "PG_VERSION")}`, label]);
      await rm(join(to, "postmaster.pid"), { force: true });
    } finally {
      await client.end();
    }
    return {
      ground,
      cluster: to,
      ownerOf: join(to, "PG_VERSION"),
      password: join(dataIn(this.#ground), "password"),
      databases: this.#databases,
    };
  }

  /** Puts a backup in the place of its data, while it is stopped. As a standby it is read-only until it is promoted. */
  async restore(
    { cluster, ownerOf }: BaseBackup,
    options: { readonly standby?: boolean } = {},
  ): Promise<void> {
    const place = join(dataIn(this.#ground), "cluster");
    await rm(place, { recursive: true, force: true });
    await promisify(execFile)("cp", ["--archive", cluster, place]);
    if (options.standby) await this.#makeStandby(ownerOf);
  }

  async #makeStandby(ownerOf: string): Promise<void> {
    const signal = join(dataIn(this.#ground), "cluster", "standby.signal");
    await writeFile(signal, "");
    await promisify(execFile)("chown", [`--reference=${ownerOf}`, signal]);
  }

  /** Changes in the rare case that the port was taken while the server was down. */
  get port(): number {
    return Number(new URL(this.#url).port);
  }

  /** As superuser; also while it is down. */
  urlOf(database: string): string {
    const url = new URL(this.#url);
    url.pathname = `/${database}`;
    return url.href;
  }

  async start(): Promise<void> {
    this.#running = await startEmbeddedPostgres({
      dataDirectory: dataIn(this.#ground),
      databases: this.#databases,
      // Commits outlive a crash of the server nevertheless; only the machine must not crash.
      durable: false,
      settings: { shared_buffers: "64MB", max_connections: 300 },
    });
    this.#url = this.#running.urlOf("postgres");
  }

  /**
   * Resolves when it has gone.
   *
   * @param onGoingDown called when it has been told to, and may not have gone yet.
   */
  async stop(mode: StopMode, onGoingDown: () => unknown = () => {}): Promise<void> {
    const server = this.#running;
    if (server === undefined) return;
    if (mode === "immediate") process.kill(server.processIds.server, "SIGQUIT");
    const stopped = server.stop();
    await onGoingDown();
    await stopped;
    this.#running = undefined;
  }

  /** Sends a signal to one of its processes, by the id that the server tells. */
  async signal(processId: number, signal: "SIGSTOP" | "SIGCONT"): Promise<void> {
    process.kill(processId, signal);
  }

  /** Stops it, and deletes its data. */
  async remove(): Promise<void> {
    await this.#running?.stop();
    await removeGround(this.#ground);
  }
}
