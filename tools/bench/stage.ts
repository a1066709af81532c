import { randomBytes } from "node:crypto";
import { type Side, sides } from "@centralcloud/postgres";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import pg from "pg";
import type { Server } from "./server.ts";

/** A database of one run. */
export interface Database {
  readonly name: string;
  readonly url: string;
  readonly pool: pg.Pool;
}

/** The migrated databases that everything else is cloned from. */
export type Base = Side | "both";

const bases: ReadonlySet<string> = new Set<Base>([...sides, "both"]);

/**
 * The databases of a bench. Each run has fresh clones, so that none inherits dead rows, bloat or
 * statistics from another; a template is built, vacuumed and analyzed once.
 */
export class Stage {
  readonly #server: Server;
  readonly #run = randomBytes(4).toString("hex");
  readonly #templates = new Map<string, Promise<string>>();
  readonly #names = new Set<string>();
  #scratch: Promise<Database> | undefined;
  #count = 0;

  constructor(server: Server) {
    this.#server = server;
  }

  base(base: Base): Promise<string> {
    return this.#once(base, async () => {
      const name = await this.#create("template0");
      const url = this.#server.urlOf(name);
      if (base !== "central") await migrateAndSchedule("source", url, () => {});
      if (base !== "source") await migrateAndSchedule("central", url, () => {});
      return name;
    });
  }

  /** A template made from another by `build`, once for each key; none of it is part of any figure. */
  template(key: string, from: string, build: (database: Database) => Promise<void>) {
    return this.#once(key, async () => {
      const name = await this.#create(from);
      await this.#with(name, async (database) => {
        await build(database);
        await database.pool.query("vacuum (analyze)");
      });
      return name;
    });
  }

  /** One database for the bench's own sums, made from a template when it is first asked for. */
  scratch(template: string): Promise<Database> {
    this.#scratch ??= this.#create(template).then((name) => this.#open(name));
    return this.#scratch;
  }

  /** A fresh copy of a template, on disk before this returns, so that no run pays for its making. */
  async clone(template: string): Promise<Database> {
    const database = this.#open(await this.#create(template));
    await this.#checkpoint();
    return database;
  }

  /** The same where nothing is measured that a checkpoint would spoil. */
  async copy(template: string): Promise<Database> {
    return this.#open(await this.#create(template));
  }

  async drop(...databases: readonly Database[]): Promise<void> {
    for (const { name, pool } of databases) {
      await pool.end();
      await this.#drop(name);
    }
  }

  /** Drops the templates that {@link template} made: what one scenario waited for, the next has no use for. */
  async forgetTemplates(): Promise<void> {
    for (const [key, template] of this.#templates) {
      if (bases.has(key)) continue;
      this.#templates.delete(key);
      await this.#drop(await template);
    }
  }

  /** Drops templates and everything that a failed run has left. */
  async end(): Promise<void> {
    this.#templates.clear();
    await (await this.#scratch)?.pool.end();
    for (const name of this.#names) await this.#drop(name);
  }

  #once(key: string, make: () => Promise<string>): Promise<string> {
    const made = this.#templates.get(key) ?? make();
    this.#templates.set(key, made);
    return made;
  }

  async #create(template: string): Promise<string> {
    const name = `bench_${this.#run}_${this.#count++}`;
    const from = pg.escapeIdentifier(template);
    const { rows } = await this.#server.pool.query<{ large: boolean }>(
      "select pg_database_size($1) > 64 * 1024 * 1024 as large",
      [template],
    );
    // Through the write-ahead log a large copy would take long and leave it full.
    const strategy = rows[0]?.large ? "file_copy" : "wal_log";
    this.#names.add(name);
    await this.#server.pool.query(`create database ${name} template ${from} strategy ${strategy}`);
    return name;
  }

  #open(name: string): Database {
    const url = this.#server.urlOf(name);
    const pool = new pg.Pool({ connectionString: url, application_name: "bench", max: 4 });
    pool.on("error", () => {});
    return { name, url, pool };
  }

  async #with(name: string, work: (database: Database) => Promise<void>): Promise<void> {
    const database = this.#open(name);
    try {
      await work(database);
    } finally {
      await database.pool.end();
    }
  }

  async #drop(name: string): Promise<void> {
    await this.#server.pool.query(`drop database if exists ${name} with (force)`);
    this.#names.delete(name);
  }

  /** Where we may not, the server's own checkpoints fall where they fall. */
  async #checkpoint(): Promise<void> {
    try {
      await this.#server.pool.query("checkpoint");
    } catch (error) {
      if ((error as { code?: string }).code !== "42501") throw error;
    }
  }
}
