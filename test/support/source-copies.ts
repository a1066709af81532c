import { QueueClient } from "@centralcloud/queue";
import { afterEach, beforeEach } from "vitest";
import { environmentOf } from "./command.ts";
import { copyTestDatabase } from "./copied-databases.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  type TestSystem,
} from "./databases.ts";
import { patternMessage } from "./messages.ts";
import { runCommand } from "./run-command.ts";

export const patterns = "centralcloud-new-patterns";

/** Host, port and database, as the central store knows a source. */
export const place = ({ url }: TestDatabase) => new URL(url).host + new URL(url).pathname;

export const both = (...databases: readonly TestDatabase[]) => ({
  sourceUrls: databases.map(({ url }) => url),
});

export const send = ({ pool }: TestDatabase, name: string, to = patterns) =>
  new QueueClient(pool).send(to, patternMessage({ pattern: { name } }));

export async function idOf({ pool }: TestDatabase): Promise<string> {
  const { rows } = await pool.query("select source_id from singularity_source");
  return rows[0].source_id;
}

/** A system for each test, whose source can be copied, and the commands about sources. */
export function useCopies() {
  const opened: TestDatabase[] = [];
  const system = {} as TestSystem;
  beforeEach(async () => {
    system.singularity = await createTestDatabase("source");
    system.central = await createTestDatabase("central");
    opened.push(system.singularity, system.central);
  });
  afterEach(async () => {
    for (const database of opened.splice(0)) await dropTestDatabase(database);
  });

  function environment(...sources: readonly TestDatabase[]) {
    const urls = sources.length > 0 ? sources : [system.singularity];
    const SOURCE_DATABASE_URLS = urls.map(({ url }) => url).join(" ");
    return { ...environmentOf(system), SOURCE_DATABASE_URLS };
  }
  const run = (words: readonly string[], ...sources: readonly TestDatabase[]) =>
    runCommand(["sources", ...words], environment(...sources));

  return {
    system,
    environment,
    /** `centralcloud sources …` where these are configured; default: the system's source. */
    run,
    /** Gives a copy an id of its own, with the original beside it; gives the report. */
    async renew(clone: TestDatabase, ...words: readonly string[]) {
      const command = ["renew", "--source", place(clone), "--json", ...words];
      const { exitCode, stdout, stderr } = await run(command, system.singularity, clone);
      if (exitCode !== 0) throw new Error(stderr);
      return JSON.parse(stdout) as Record<string, unknown>;
    },
    /** Copies the source; its pool is another one then. */
    async copy(): Promise<TestDatabase> {
      const copied = await copyTestDatabase(system.singularity);
      opened.splice(opened.indexOf(system.singularity), 1, copied.original, copied.copy);
      system.singularity = copied.original;
      return copied.copy;
    },
    async list(...sources: readonly TestDatabase[]) {
      const { exitCode, stdout, stderr } = await run(["list", "--json"], ...sources);
      if (exitCode !== 0) throw new Error(stderr);
      return JSON.parse(stdout) as {
        id: string;
        server: string;
        state: string;
        decision: string | null;
      }[];
    },
    /** How often each pattern has counted, by its name. */
    async counted(): Promise<Record<string, number>> {
      const { rows } = await system.central.pool.query<{ name: string; count: number }>(
        `select pattern ->> 'name' as name, observation_count::integer as count from central.patterns order by 1`,
      );
      return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
    },
  };
}
