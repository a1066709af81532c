import { mkdir } from "node:fs/promises";
import { type EmbeddedPostgres, removeDataDirectory } from "@centralcloud/embedded";
import { assertReachable, createPool, withoutSecrets } from "@centralcloud/postgres";
import { definePart, type Part } from "@centralcloud/service";
import type { DatabaseUrls } from "./configuration.ts";
import type { DataFolder } from "./data-folder.ts";
import { type KeptServer, type KeptServerOptions, keepServer } from "./kept-server.ts";
import { unlessAborted } from "./late-part.ts";

/** The databases of this run; `urls` are there once it has started. */
export interface Databases extends Part {
  readonly urls: DatabaseUrls;
  /** Which server, and where: lines for the terminal, without secrets. */
  readonly description: readonly string[];
}

export interface EmbeddedDatabasesOptions extends Pick<KeptServerOptions, "tell" | "giveUp"> {
  readonly folder: DataFolder;
  /** Whether what is there is deleted first. */
  readonly fresh: boolean;
}

/** Both databases on the PostgreSQL from npm, in the data folder. */
export function createEmbeddedDatabases(options: EmbeddedDatabasesOptions): Databases {
  const { folder, fresh } = options;
  let kept: KeptServer | undefined;
  let version = "";
  const urls = (running: EmbeddedPostgres): DatabaseUrls => ({
    sourceUrls: [running.urlOf("singularity")],
    centralUrl: running.urlOf("centralcloud"),
  });

  const part = definePart({
    name: "PostgreSQL",
    async start(signal) {
      await mkdir(folder.path, { recursive: true });
      if (fresh) await removeDataDirectory(folder.postgres);
      kept = await keepServer({ ...options, dataDirectory: folder.postgres, signal });
      version = await readVersion(urls(kept.server).centralUrl);
    },
    async stop() {
      await kept?.stop();
    },
  });
  return {
    ...part,
    get urls() {
      return urls(started(kept));
    },
    get description() {
      return [`${version}   127.0.0.1:${started(kept).port}, data in .data/`];
    },
  };
}

/** Databases of the user's own: neither started nor stopped here. */
export function createGivenDatabases(urls: DatabaseUrls): Databases {
  const all = [...urls.sourceUrls, urls.centralUrl];
  let versions: readonly string[] = [];
  const part = definePart({
    name: "PostgreSQL",
    async start(signal) {
      await unlessAborted(assertReachable(all), signal);
      versions = await unlessAborted(Promise.all(all.map(readVersion)), signal);
    },
    async stop() {},
  });
  return {
    ...part,
    urls,
    get description() {
      return all.map((url, index) => `${versions[index]}   ${withoutSecrets(url)}`);
    },
  };
}

function started(kept: KeptServer | undefined): EmbeddedPostgres {
  if (kept === undefined) throw new Error("PostgreSQL has not started yet");
  return kept.server;
}

async function readVersion(url: string): Promise<string> {
  const pool = createPool(url, { applicationName: "centralcloud-local", max: 1 });
  try {
    const { rows } = await pool.query<{ server_version: string }>("show server_version");
    return rows[0]?.server_version.split(" ")[0] ?? "";
  } finally {
    await pool.end();
  }
}
