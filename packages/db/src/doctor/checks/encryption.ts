import { readTlsSettings } from "@centralcloud/service";
import { type CheckedDatabase, readRow } from "../check.ts";
import { ok, type Verdict, warning } from "../finding.ts";

const say = "sslmode=verify-full&sslrootcert=FILE";

/** Whether what goes to the database can be read, or answered, by somebody on the way. */
export async function checkEncryption({ client, url }: CheckedDatabase): Promise<Verdict[]> {
  const { version, cipher, others } = await readRow<{
    version: string | null;
    cipher: string | null;
    others: string[];
  }>(
    client,
    `select s.version, s.cipher,
            array(select distinct o.application_name || ' of ' || o.usename
                    from pg_stat_activity o join pg_stat_ssl t using (pid)
                   where o.datname = current_database() and o.application_name like 'centralcloud-%'
                     and t.ssl is false and not o.client_addr << '127.0.0.0/8' and o.client_addr <> '::1'
                   order by 1) as others
       from pg_stat_ssl s where s.pid = pg_backend_pid()`,
  );
  const verdicts: Verdict[] = others.map((who) =>
    warning(`${who} is connected in plain text from another machine`, `${say} in its URL`),
  );
  return [judge(url, version, cipher), ...verdicts];
}

function judge(url: string, version: string | null, cipher: string | null): Verdict {
  const { tls } = readTlsSettings(url);
  const used = `${version} with ${cipher}`;
  if (version !== null && tls !== false && tls.rejectUnauthorized) {
    return ok(`${used}; the server's certificate is verified`);
  }
  if (isThisMachine(url)) {
    return ok(version === null ? "not encrypted; it is on this machine" : `${used}, unverified`);
  }
  if (version === null) {
    return warning(
      "the connection is not encrypted: anybody on the way can read and change it",
      say,
    );
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
