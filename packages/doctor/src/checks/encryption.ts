import { readTlsSettings } from "@centralcloud/postgres";
import type { CheckedDatabase } from "../check.ts";
import { type CheckResult, ok, warning } from "../finding.ts";

/** Of a server that has TLS for nobody: until it does, no other sslmode connects. */
const lacking = "; turn ssl on at the server first (ssl = on, ssl_cert_file, ssl_key_file)";

const say = "sslmode=verify-full&sslrootcert=FILE";

/** Whether what goes to the database can be read, or answered, by somebody on the way. */
export async function checkEncryption(database: CheckedDatabase): Promise<CheckResult[]> {
  const { tlsVersion: version, tlsCipher: cipher, offersTls: offered } = database.facts;
  const checkResults: CheckResult[] = (await unencryptedOthers(database)).map((who) =>
    warning(
      `${who} is connected in plain text from another machine${offered ? "" : lacking}`,
      `${say} in its URL`,
    ),
  );
  return [judge(database.url, version, cipher, offered), ...checkResults];
}

/** Programs of ours that are connected to it from another machine, in plain text. */
async function unencryptedOthers({
  client,
  server,
  databaseName,
}: CheckedDatabase): Promise<readonly string[]> {
  const others = await server.query<{ database: string; who: string }>(
    client,
    `select distinct o.datname as database, o.application_name || ' of ' || o.usename as who
       from pg_stat_activity o join pg_stat_ssl t using (pid)
      where o.application_name like 'centralcloud-%'
        and t.ssl is false and not o.client_addr << '127.0.0.0/8' and o.client_addr <> '::1'
      order by 2`,
  );
  return others.filter(({ database }) => database === databaseName).map(({ who }) => who);
}

function judge(
  url: string,
  version: string | null,
  cipher: string | null,
  offered: boolean,
): CheckResult {
  const { tls } = readTlsSettings(url);
  const used = `${version} with ${cipher}`;
  if (version !== null && tls !== false && tls.rejectUnauthorized) {
    return ok(`${used}; the server's certificate is verified`);
  }
  if (isThisMachine(url)) {
    return ok(version === null ? "not encrypted; it is on this machine" : `${used}, unverified`);
  }
  if (version === null) {
    const message = "the connection is not encrypted: anybody on the way can read and change it";
    return warning(`${message}${offered ? "" : lacking}`, say);
  }
  const message = `${used}, but with whoever answers: no certificate is verified`;
  return warning(message, `${say} instead of sslmode=require`);
}

/** By what the URL says: a name that leads here from elsewhere may lead somewhere else tomorrow. */
function isThisMachine(url: string): boolean {
  const { hostname, searchParams } = new URL(url);
  const host = searchParams.get("host") ?? decodeURIComponent(hostname);
  return host === "" || host.startsWith("/") || /^(localhost|127(\.\d+){3}|\[?::1\]?)$/.test(host);
}
