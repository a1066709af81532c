import type { Side } from "@centralcloud/postgres";
import type pg from "pg";
import type { ClientBase } from "pg";

/**
 * The server of a database. What is the same for all its databases is asked once for each login, of whichever comes
 * first: most servers of a fleet have many.
 */
export class CheckedServer {
  readonly #answers = new Map<string, Promise<unknown>>();

  /** @param question says what is asked; the same one has the same answer. One that fails is asked again. */
  async ask<Answer>(question: string, ask: () => Promise<Answer>): Promise<Answer> {
    const known = this.#answers.get(question);
    if (known !== undefined) return (await known) as Answer;
    const answer = ask();
    this.#answers.set(question, answer);
    answer.catch(() => this.#answers.delete(question));
    return await answer;
  }

  /** All rows of a query without parameters that gives every database of the server the same. */
  async query<Row extends object>(client: ClientBase, text: string): Promise<readonly Row[]> {
    return await this.ask(
      text,
      async () => (await client.query<Row & Record<string, unknown>>(text)).rows,
    );
  }
}

/** What a database says of itself at once: every check that needs nothing else is made from this. */
export interface DatabaseFacts {
  /** As its server names it. */
  readonly databaseName: string;
  readonly databaseOid: number;
  /** Whether there is what checks look at. */
  readonly isMigrated: boolean;
  readonly login: string;
  readonly version: string;
  readonly major: number;
  readonly encoding: string;
  readonly fsync: string;
  readonly fullPageWrites: string;
  /** With what sessions begin: ours do not leave it off. */
  readonly synchronousCommit: string;
  readonly autovacuum: string;
  readonly trackCounts: string;
  readonly trackCommits: string;
  /** Whether the server has TLS, and what this connection has of it. */
  readonly offersTls: boolean;
  readonly tlsVersion: string | null;
  readonly tlsCipher: string | null;
}

/** The servers of one run, each as one login sees it. */
export class CheckedServers {
  readonly #servers = new Map<string, CheckedServer>();

  /** @returns the server that a connection leads to, and what its database says. By what is open to everybody; one round trip. */
  async of(
    side: Side,
    client: pg.Client,
  ): Promise<{ readonly server: CheckedServer; readonly facts: DatabaseFacts }> {
    const [schema, table] =
      side === "central" ? ["central", "sources"] : ["public", "singularity_source"];
    // By its address, so that no server answers for another; and by what it says itself: a pooler has one for several.
    const { rows } = await client.query<DatabaseFacts & { key: string }>(
      `select concat_ws(' ', pg_postmaster_start_time(), current_setting('port'), current_user) as key,
              current_database() as "databaseName", current_user as login,
              (select d.oid::bigint::float8 from pg_database d where d.datname = current_database()) as "databaseOid",
              exists (select from pg_class c
                       where c.relname = $2
                         and c.relnamespace = (select n.oid from pg_namespace n where n.nspname = $1)) as "isMigrated",
              current_setting('server_version') as version,
              current_setting('server_version_num')::integer / 10000 as major,
              current_setting('server_encoding') as encoding,
              current_setting('fsync') as fsync, current_setting('full_page_writes') as "fullPageWrites",
              (select s.reset_val from pg_settings s where s.name = 'synchronous_commit') as "synchronousCommit",
              current_setting('autovacuum') as autovacuum, current_setting('track_counts') as "trackCounts",
              current_setting('track_commit_timestamp') as "trackCommits",
              current_setting('ssl') = 'on' as "offersTls", t.version as "tlsVersion", t.cipher as "tlsCipher"
         from (select) s
         left join pg_stat_ssl t on t.pid = pg_backend_pid()`,
      [schema, table],
    );
    const [facts] = rows;
    if (facts === undefined) throw new Error("the server says nothing of itself");
    const key = `${client.host} ${client.port} ${facts.key}`;
    const server = this.#servers.get(key) ?? new CheckedServer();
    this.#servers.set(key, server);
    return { server, facts };
  }
}
