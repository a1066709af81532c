import { z } from "zod";
import { readTlsSettings, type TlsOptions, TlsSettingsError } from "./tls.ts";
import { findParameterMistake } from "./url-parameters.ts";

const example = "postgres://user@host:5432/database";

/** The URL of a database can't be used. The message never repeats it: it may hold a password. */
export class DatabaseUrlError extends Error {
  readonly code = "database_url_invalid";
  constructor(message: string) {
    super(message);
    this.name = "DatabaseUrlError";
  }
}

/** How to reach a database, and as whom: what `pg` takes. What is undefined it takes from libpq's variables. */
export interface Address {
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string;
  readonly options: string | undefined;
  readonly ssl: TlsOptions;
  readonly sslnegotiation: "postgres" | "direct";
}

/** One PostgreSQL URL. The message never repeats it: it may hold a password. */
export function databaseUrl() {
  return z
    .string(`must be given: a URL like ${example}`)
    .transform((text) => text.trim())
    .superRefine((url, context) => {
      const message = findMistake(url);
      if (message !== undefined) context.addIssue({ code: "custom", message });
    });
}

/** One or more PostgreSQL URLs, separated by white space or commas. */
export function databaseUrls() {
  return z
    .string(`must be given: one or more URLs like ${example}`)
    .transform(splitUrls)
    .superRefine((urls, context) => {
      for (const [index, url] of urls.entries()) {
        const mistake = findMistake(url);
        if (mistake === undefined) continue;
        const colon = /^(must|has|names) /.test(mistake) ? "" : ":";
        const message = `URL ${index + 1} of ${urls.length}${colon} ${mistake}`;
        context.addIssue({ code: "custom", message });
      }
      if (new Set(urls).size !== urls.length) {
        context.addIssue({ code: "custom", message: "names the same URL twice" });
      }
    });
}

/** A comma separates two URLs only where another one follows: a password may hold one, too. */
function splitUrls(text: string): readonly string[] {
  return text
    .split(/\s+|,(?=\s|$|postgres(?:ql)?:\/\/)/)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function findMistake(url: string): string | undefined {
  try {
    readAddress(url);
    return undefined;
  } catch (error) {
    if (error instanceof TlsSettingsError || error instanceof DatabaseUrlError)
      return error.message;
    throw error;
  }
}

/**
 * Takes a URL to pieces. Files that it names are read now, so that a missing one is a mistake of the configuration.
 *
 * @throws {DatabaseUrlError}
 * @throws {TlsSettingsError}
 */
export function readAddress(
  url: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Address {
  const mistake = findSpelling(url);
  if (mistake !== undefined) throw new DatabaseUrlError(mistake);
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  const parameterMistake = findParameterMistake(searchParams, environment);
  if (parameterMistake !== undefined) throw new DatabaseUrlError(parameterMistake);
  const { tls } = readTlsSettings(url, environment);
  const parameter = (name: string) => searchParams.get(name) || undefined;
  return {
    host:
      parameter("host") ?? (decode("the host", hostname.replace(/^\[(.+)\]$/, "$1")) || undefined),
    port: readPort(parameter("port") ?? port),
    user: parameter("user") ?? (decode("the user", username) || undefined),
    password: parameter("password") ?? (decode("the password", password) || undefined),
    database: decode("the database's name", pathname.slice(1)),
    options: parameter("options"),
    ssl: tls,
    sslnegotiation: readNegotiation(
      parameter("sslnegotiation") ?? environment.PGSSLNEGOTIATION,
      tls,
    ),
  };
}

/** What is wrong with how it is written; undefined where nothing is. */
function findSpelling(url: string): string | undefined {
  if (!/^postgres(ql)?:\/\//.test(url)) return `must look like ${example}`;
  // URL drops some of them silently.
  const [odd] = /[\s\p{Cc}\p{Cf}]/u.exec(url) ?? [];
  if (odd !== undefined) return `has ${nameOf(odd)} in it: write it as ${encodeURIComponent(odd)}`;
  const [, authority = "", rest = ""] = /^\w+:\/\/([^/?#]*)(.*)$/.exec(url) ?? [];
  const spelled = "write / as %2F, ? as %3F, # as %23 and @ as %40 in a user's name or password";
  if (/^[^?]*[@#]|#/.test(rest))
    return `has a ${/[@#]/.exec(rest)?.[0]} after the host: ${spelled}`;
  const hosts = authority.slice(authority.lastIndexOf("@") + 1);
  const [, parameter = ""] = /[?&]host=([^&]*)/.exec(rest) ?? [];
  if (hosts.includes(",") || /,|%2c/i.test(parameter)) {
    return "names several hosts, which is not supported: name one, such as an address that leads to the primary";
  }
  if (!URL.canParse(url)) return `must look like ${example}; ${spelled}`;
  if (new URL(url).pathname.length <= 1) return `must name a database, like ${example}`;
  return undefined;
}

function nameOf(character: string): string {
  if (/\s/.test(character)) return /[\r\n]/.test(character) ? "a line break" : "a blank";
  return `an invisible character (U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")})`;
}

/** A % that begins no code stands for itself. */
function decode(part: string, text: string): string {
  try {
    return decodeURIComponent(text.replace(/%(?![0-9a-f]{2})/gi, "%25"));
  } catch {
    throw new DatabaseUrlError(
      `${part} has a code that is not UTF-8: write ä as %C3%A4, for instance, and not as %E4`,
    );
  }
}

function readPort(text: string): number | undefined {
  if (text === "") return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new DatabaseUrlError("the port must be a number from 1 to 65535");
}

function readNegotiation(word: string | undefined, tls: TlsOptions): Address["sslnegotiation"] {
  if (word === undefined || word === "" || word === "postgres") return "postgres";
  if (word !== "direct") throw new DatabaseUrlError("sslnegotiation must be postgres or direct");
  if (tls === false) throw new DatabaseUrlError("sslnegotiation=direct needs sslmode");
  return "direct";
}

/** Host, port and database of a URL; never its user or password, nor its parameters. */
export function withoutSecrets(url: string): string {
  if (!URL.canParse(url)) return "the database";
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}
