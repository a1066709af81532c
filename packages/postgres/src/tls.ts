import { readFileSync } from "node:fs";

/** How a connection is encrypted: what `pg` takes as `ssl`. */
export type TlsOptions =
  | false
  | {
      /** False: encrypted, but with whoever answers. */
      readonly rejectUnauthorized: boolean;
      /** The authorities that may sign the server's certificate, in PEM. */
      readonly ca?: string | readonly string[];
      readonly cert?: string;
      readonly key?: string;
      readonly passphrase?: string;
      /** Only where any certificate of the authority will do, whatever its name. */
      readonly checkServerIdentity?: () => undefined;
    };

/** The TLS parameters of a database's URL can't be used. The message never repeats the URL. */
export class TlsSettingsError extends Error {
  readonly code = "tls_settings_invalid";
  constructor(message: string) {
    super(message);
    this.name = "TlsSettingsError";
  }
}

const modes = ["disable", "require", "verify-ca", "verify-full"] as const;
type Mode = (typeof modes)[number];

/** What this build can't do; to pass it over in silence would give less than was asked for. */
const unsupported = ["sslcrl", "sslcrldir", "ssl_min_protocol_version", "ssl_max_protocol_version"];

const ours = ["sslmode", "ssl", "sslrootcert", "sslcert", "sslkey", "sslpassword"] as const;
type Parameter = (typeof ours)[number];

/** The variables of libpq that stand in for parameters that a URL does not have. */
const variableOf: Partial<Record<Parameter, string>> = {
  sslmode: "PGSSLMODE",
  sslrootcert: "PGSSLROOTCERT",
  sslcert: "PGSSLCERT",
  sslkey: "PGSSLKEY",
};

/**
 * Reads the TLS parameters of a URL with the meaning that libpq gives them, and not `pg`, in which
 * `require` verifies the name and an address without `sslmode` follows a variable of its own:
 *
 * - `disable`, or nothing: not encrypted.
 * - `require`: encrypted, unverified; with `sslrootcert` as `verify-ca`.
 * - `verify-ca`: the certificate is signed by `sslrootcert`, which must be given.
 * - `verify-full`: and is made out to the host of the URL. Without `sslrootcert`, or with `system`, by an
 *   authority that Node trusts.
 *
 * Files are read now, so that a missing one is a mistake of the configuration. A Unix socket is never encrypted.
 *
 * @returns the URL without these parameters, and what they mean.
 * @throws {TlsSettingsError}
 */
export function readTlsSettings(
  url: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): { readonly url: string; readonly tls: TlsOptions } {
  const rest = new URL(url);
  const isPlain = ![...ours, "uselibpqcompat"].some((name) => rest.searchParams.has(name));
  const given = new Map<Parameter, string>();
  for (const name of ours) {
    const variable = variableOf[name];
    const value =
      rest.searchParams.get(name) || (variable === undefined ? "" : environment[variable]);
    if (value) given.set(name, value);
    rest.searchParams.delete(name);
  }
  rest.searchParams.delete("uselibpqcompat");
  for (const name of unsupported) {
    if (rest.searchParams.has(name)) throw new TlsSettingsError(`${name} is not supported`);
  }
  const onSocket = rest.searchParams.get("host")?.startsWith("/") || /^%2f/i.test(rest.hostname);
  return { url: isPlain ? url : rest.href, tls: onSocket ? false : readOptions(given) };
}

function readOptions(given: ReadonlyMap<Parameter, string>): TlsOptions {
  const mode = readMode(given);
  const authority = given.get("sslrootcert");
  if (mode === "disable") return false;
  if (authority === "system" && mode !== "verify-full") {
    throw new TlsSettingsError("sslrootcert=system needs sslmode=verify-full");
  }
  if (mode === "verify-ca" && authority === undefined) {
    throw new TlsSettingsError("sslmode=verify-ca needs sslrootcert, the file of the authority");
  }
  const client = readClientCertificate(given);
  if (mode === "require" && authority === undefined) {
    return { rejectUnauthorized: false, ...client };
  }
  const trusted =
    authority === undefined || authority === "system"
      ? {}
      : { ca: readCertificates("sslrootcert", authority) };
  const anyName = mode === "verify-full" ? {} : { checkServerIdentity: () => undefined };
  return { rejectUnauthorized: true, ...trusted, ...client, ...anyName };
}

function readMode(given: ReadonlyMap<Parameter, string>): Mode {
  const word = given.get("sslmode");
  const switched = given.get("ssl");
  if (word === undefined)
    return switched === "true" || switched === "1" ? "verify-full" : "disable";
  // A word of `pg` for what libpq calls require.
  if (word === "no-verify") return "require";
  if (word === "prefer" || word === "allow") {
    const message = `sslmode=${word} promises nothing: say disable, require, verify-ca or verify-full`;
    throw new TlsSettingsError(message);
  }
  const mode = modes.find((known) => known === word);
  if (mode === undefined) throw new TlsSettingsError(`sslmode must be one of ${modes.join(", ")}`);
  return mode;
}

function readClientCertificate(given: ReadonlyMap<Parameter, string>) {
  const [certificate, key] = [given.get("sslcert"), given.get("sslkey")];
  if (certificate === undefined && key === undefined) return {};
  if (certificate === undefined || key === undefined) {
    throw new TlsSettingsError("sslcert and sslkey go together: a certificate and its private key");
  }
  const passphrase = given.get("sslpassword");
  return {
    cert: readCertificates("sslcert", certificate),
    key: readPem("sslkey", key),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
}

function readCertificates(parameter: Parameter, path: string): string {
  const text = readPem(parameter, path);
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new TlsSettingsError(`the file that ${parameter} names holds no certificate in PEM`);
}

function readPem(parameter: Parameter, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? "unreadable";
    throw new TlsSettingsError(`the file that ${parameter} names can't be read (${reason})`);
  }
}

const remedies: readonly (readonly [RegExp, string])[] = [
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    "connect by the name in the server's certificate, or give the server one for this name",
  ],
  // Codes of Node for a certificate that nobody whom we trust has signed.
  [
    /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_(VERIFY|GET)_\w+|CERT_UNTRUSTED)$/,
    "sslrootcert must name the authority that signed the server's certificate",
  ],
  [/^CERT_HAS_EXPIRED$/, "renew the server's certificate"],
  [
    /^CERT_NOT_YET_VALID$/,
    "set the clocks right, or give the server a certificate that is valid by now",
  ],
  [/^CERT_REVOKED$/, "give the server another certificate: this one was withdrawn"],
  [
    /^(INVALID_PURPOSE|INVALID_CA)$/,
    "give the server a certificate that is made for servers, by an authority",
  ],
  [
    /^ERR_SSL_(SSLV3|TLSV1|TLSV13)_ALERT_CERTIFICATE_REQUIRED$/,
    "the server asks for a certificate of ours: give sslcert and sslkey",
  ],
  [
    /^ERR_SSL_(SSLV3|TLSV1)_ALERT_CERTIFICATE_EXPIRED$/,
    "renew our certificate, which sslcert names",
  ],
  [
    /^ERR_SSL_(SSLV3|TLSV1)_ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN)$/,
    "the server does not trust our certificate: sslcert must name one of its authority's (ssl_ca_file)",
  ],
  [
    /^ERR_SSL_(TLSV1_ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|WRONG_VERSION_NUMBER)$/,
    "see that the server speaks TLS 1.2 or later at this port (ssl_min_protocol_version, ssl_max_protocol_version)",
  ],
];

/** What to do about an error of TLS, as an addition to its own words; undefined for any other error. */
export function explainTlsError(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code = "" } = error as { code?: string };
  if (/does not support SSL connections/.test(error.message)) {
    // Not less encryption than somebody has asked for.
    return "turn ssl on at the server: ssl = on, with ssl_cert_file and ssl_key_file";
  }
  return remedies.find(([pattern]) => pattern.test(code))?.[1];
}
