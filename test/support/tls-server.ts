import { chownSync, copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@centralcloud/embedded";
import pg from "pg";
import type { Authority, Certificate } from "./certificates.ts";
import { harnessName } from "./databases.ts";
import { until } from "./until.ts";

export interface TlsServer {
  readonly postgres: EmbeddedPostgres;
  /** A database of it, by a host and with TLS parameters. */
  urlOf(database: string, host: string, parameters?: Readonly<Record<string, string>>): string;
  /** As a superuser over TLS, wherever the test is. */
  query<Row extends object>(database: string, statement: string): Promise<Row[]>;
  /** Replaces the certificate, as an operator renews one. */
  present(certificate: Certificate): Promise<void>;
}

/** A PostgreSQL that takes nothing but TLS, with certificates of an authority of the test's. */
export async function startTlsServer(
  authority: Authority,
  certificate: Certificate,
  databases: readonly string[],
): Promise<TlsServer> {
  const postgres = await startEmbeddedPostgres({ databases });
  try {
    return await encrypt(postgres, authority, certificate);
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

async function encrypt(
  postgres: EmbeddedPostgres,
  authority: Authority,
  certificate: Certificate,
): Promise<TlsServer> {
  const urlOf: TlsServer["urlOf"] = (database, host, parameters = {}) => {
    const url = new URL(postgres.urlOf(database));
    url.hostname = host;
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return url.href;
  };
  const query = async <Row extends object>(database: string, statement: string) => {
    const client = new pg.Client({
      connectionString: postgres.urlOf(database),
      application_name: harnessName,
      ssl: isEncrypted ? { rejectUnauthorized: false } : false,
    });
    await client.connect();
    try {
      return (await client.query<Row>(statement)).rows;
    } finally {
      await client.end();
    }
  };
  let isEncrypted = false;
  const [paths] = await query<{ data: string; hba: string }>(
    "postgres",
    "select current_setting('data_directory') as data, current_setting('hba_file') as hba",
  );
  if (paths === undefined) throw new Error("the server has no data directory");
  const { uid, gid } = statSync(paths.data);
  const give = (name: string, text: string) => {
    const path = join(paths.data, name);
    writeFileSync(path, text, { mode: 0o600 });
    chownSync(path, uid, gid);
  };
  const loadedAt = async () => {
    const [row] = await query<{ at: string }>("postgres", "select pg_conf_load_time()::text as at");
    return row?.at;
  };
  // `pg_reload_conf` only asks the server to, which then does it at any time later: meanwhile connections
  // are still met with the old files, and files that are written next may be read already.
  const reload = async () => {
    const before = await loadedAt();
    await query("postgres", "select pg_reload_conf()");
    await until("the server has read its files", async () => (await loadedAt()) !== before);
  };
  const present = async ({ certificate: text, privateKey }: Certificate) => {
    give("server.crt", text);
    give("server.key", privateKey);
    await reload();
  };
  give("server.crt", certificate.certificate);
  give("server.key", certificate.privateKey);
  copyFileSync(authority.file, join(paths.data, "authority.crt"));
  chownSync(join(paths.data, "authority.crt"), uid, gid);
  await query("postgres", "alter system set ssl = on");
  await query("postgres", "alter system set ssl_ca_file = 'authority.crt'");
  await reload();
  // From here on either is taken; from the next reload on only this.
  isEncrypted = true;
  const rules = readFileSync(paths.hba, "utf8");
  give(
    paths.hba.slice(paths.data.length + 1),
    `hostnossl all all all reject\nhostssl all with_certificate all scram-sha-256 clientcert=verify-full\n${rules}`,
  );
  await reload();
  return { postgres, urlOf, query, present };
}
