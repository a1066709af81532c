import { findForbiddenOption } from "./session.ts";

/**
 * What becomes of a parameter in the URL of a database:
 * - `obeyed`: it says where, as whom or how to connect.
 * - `overruled`: passed over, because we know better and nobody is the worse for it.
 * - `refused`: passing over it would give less than was asked for. The reason completes "name …".
 */
export type Treatment =
  | "obeyed"
  | "overruled"
  | {
      readonly refused: string /** Values that ask for nothing. */;
      readonly but?: readonly string[];
    };

const promises = (what: string) =>
  `is not supported: it promises ${what}, which this program does not check`;

const elsewhere = (what: string) => `is not supported: ${what}`;

const asOption = (name: string) =>
  elsewhere(`write options=-c%20${name}%3D…, which is a setting of the session`);

const inPath = elsewhere("name the database after the host, as in postgres://user@host/database");

/** All that libpq and `pg` know; any other is refused as unknown. */
export const urlParameters: Readonly<Record<string, Treatment>> = {
  host: "obeyed",
  port: "obeyed",
  user: "obeyed",
  password: "obeyed",
  options: "obeyed",
  // See tls.ts.
  ssl: "obeyed",
  sslmode: "obeyed",
  sslrootcert: "obeyed",
  sslcert: "obeyed",
  sslkey: "obeyed",
  sslpassword: "obeyed",
  sslnegotiation: "obeyed",
  uselibpqcompat: "obeyed",

  // Each connection of ours has a name, by which operators, and our own checks, know it.
  application_name: "overruled",
  fallback_application_name: "overruled",
  client_encoding: "overruled",
  encoding: "overruled",
  // How long we try, and how a broken connection is found out, is ours.
  connect_timeout: "overruled",
  keepalives: "overruled",
  keepalives_idle: "overruled",
  keepalives_interval: "overruled",
  keepalives_count: "overruled",
  tcp_user_timeout: "overruled",
  sslcompression: "overruled",
  sslsni: "overruled",
  min_protocol_version: "overruled",
  max_protocol_version: "overruled",

  channel_binding: {
    refused: promises("that nobody is in between"),
    but: ["disable", "prefer"],
  },
  require_auth: { refused: promises("a way of logging in") },
  requirepeer: { refused: promises("who runs the server") },
  gssencmode: { refused: promises("encryption"), but: ["disable", "prefer"] },
  krbsrvname: { refused: elsewhere("there is no Kerberos") },
  gsslib: { refused: elsewhere("there is no Kerberos") },
  gssdelegation: { refused: elsewhere("there is no Kerberos"), but: ["0"] },
  sslcertmode: { refused: promises("that a certificate is asked for"), but: ["allow", "disable"] },
  sslcrl: { refused: promises("that withdrawn certificates are refused") },
  sslcrldir: { refused: promises("that withdrawn certificates are refused") },
  ssl_min_protocol_version: { refused: promises("a version of TLS") },
  ssl_max_protocol_version: { refused: promises("a version of TLS") },
  scram_client_key: { refused: elsewhere("give the password") },
  scram_server_key: { refused: elsewhere("give the password") },
  target_session_attrs: { refused: promises("which server of several it is"), but: ["any"] },
  load_balance_hosts: { refused: elsewhere("there is one host"), but: ["disable"] },
  hostaddr: { refused: elsewhere("write the address as the host") },
  dbname: { refused: inPath },
  database: { refused: inPath },
  service: { refused: elsewhere("write out what the service file says") },
  servicefile: { refused: elsewhere("write out what the service file says") },
  passfile: { refused: elsewhere("give the whole URL in a file, by NAME_FILE") },
  replication: { refused: elsewhere("connections that need it ask for it themselves") },
  statement_timeout: { refused: asOption("statement_timeout") },
  lock_timeout: { refused: asOption("lock_timeout") },
  idle_in_transaction_session_timeout: { refused: asOption("idle_in_transaction_session_timeout") },
  query_timeout: { refused: asOption("statement_timeout") },
};

/** Variables of libpq that promise security, and would be passed over. */
const variables: Readonly<Record<string, string>> = {
  PGCHANNELBINDING: "channel_binding",
  PGREQUIREAUTH: "require_auth",
  PGREQUIREPEER: "requirepeer",
  PGGSSENCMODE: "gssencmode",
  PGSSLCERTMODE: "sslcertmode",
  PGSSLCRL: "sslcrl",
  PGSSLCRLDIR: "sslcrldir",
  PGSSLMINPROTOCOLVERSION: "ssl_min_protocol_version",
  PGSSLMAXPROTOCOLVERSION: "ssl_max_protocol_version",
  PGTARGETSESSIONATTRS: "target_session_attrs",
};

/** What is wrong with the parameters of a URL, and with what the environment adds; undefined where nothing is. */
export function findParameterMistake(
  parameters: URLSearchParams,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const names = [...parameters.keys()];
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) !== index) return `${name} is given twice`;
    const treatment = urlParameters[name];
    if (treatment === undefined) return `${printable(name)} is a parameter that nobody knows`;
    const refusal = refusalOf(treatment, parameters.get(name) ?? "");
    if (refusal !== undefined) return `${name} ${refusal}`;
  }
  for (const [variable, name] of Object.entries(variables)) {
    const refusal = refusalOf(urlParameters[name], environment[variable] ?? "");
    if (refusal !== undefined) return `the variable ${variable} ${refusal}`;
  }
  const forbidden = findForbiddenOption(parameters.get("options") ?? "");
  if (forbidden === undefined) return undefined;
  return `options must not set ${forbidden}: every connection of ours has its own`;
}

function refusalOf(treatment: Treatment | undefined, value: string): string | undefined {
  if (typeof treatment !== "object" || value === "") return undefined;
  return treatment.but?.includes(value) ? undefined : treatment.refused;
}

/** A name of ours or of nobody's; whatever else stands there may be part of a password. */
function printable(name: string): string {
  return /^\w{1,40}$/.test(name) ? name : "something after the ?";
}
