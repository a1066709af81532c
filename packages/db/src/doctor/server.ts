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

/** The servers of one run, each as one login sees it. */
export class CheckedServers {
  readonly #servers = new Map<string, CheckedServer>();

  /** @returns the server that a connection leads to, and the name of its database there. */
  async of(
    client: pg.Client,
  ): Promise<{ readonly server: CheckedServer; readonly databaseName: string }> {
    // By its address, so that no server answers for another; and by what it says itself: a pooler has one for several.
    const { rows } = await client.query<{ key: string; databaseName: string }>(
      `select concat_ws(' ', pg_postmaster_start_time(), current_setting('port'), current_user) as key,
              current_database() as "databaseName"`,
    );
    const { databaseName = "" } = rows[0] ?? {};
    const key = `${client.host} ${client.port} ${rows[0]?.key}`;
    const server = this.#servers.get(key) ?? new CheckedServer();
    this.#servers.set(key, server);
    return { server, databaseName };
  }
}
