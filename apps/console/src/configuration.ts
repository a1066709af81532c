import { isIP } from "node:net";
import type { JudgeOptions } from "@centralcloud/dead-letters";
import { databaseUrl, databaseUrls, withoutSecrets } from "@centralcloud/postgres";
import {
  ConfigurationError,
  type Environment,
  flag,
  parseConfiguration,
  wholeNumber,
} from "@centralcloud/service";
import { z } from "zod";
import { type AuthSettings, authVariables, readAuthSettings } from "./auth/settings.ts";

/** Databases that the console asks, or acts on, as one login each. */
export interface Logins {
  readonly sourceUrls: readonly string[];
  readonly centralUrl: string;
}

export interface ConsoleConfiguration {
  /** For everything that only looks: logins of `centralcloud_viewer`. */
  readonly viewer: Logins;
  /** For everything that acts: logins of `centralcloud_operator`; the same as `viewer` where no others are given. */
  readonly operator: Logins;
  /** 0 means any free port. */
  readonly port: number;
  readonly address: string;
  readonly auth: AuthSettings;
  /** Where people reach it, without a path: scheme, host and port; undefined where that is not configured. */
  readonly publicUrl: URL | undefined;
  /** A label such as `production`, shown in a bar on every page; undefined: no bar. */
  readonly environment: string | undefined;
  /** A session ends after so many seconds without a request, and after so many in any case. */
  readonly sessionIdleS: number;
  readonly sessionMostS: number;
  /** Seconds that one database may take to answer. */
  readonly askS: number;
  readonly shutdownGraceS: number;
  /** What the consumers refuse besides what the contracts do; give the console the settings that they have. */
  readonly judge: Omit<JudgeOptions, "checkSeal">;
}

const httpUrl = z
  .string()
  .transform((text) => (URL.canParse(text) ? new URL(text) : undefined))
  .refine(
    (url) =>
      url !== undefined &&
      /^https?:$/.test(url.protocol) &&
      url.pathname === "/" &&
      url.search + url.hash + url.username + url.password === "",
    { error: "must be a URL like https://console.example.org, without a path" },
  )
  .transform((url) => url as URL)
  .optional();

const address = z
  .string()
  .refine((text) => isIP(text) !== 0 || text === "localhost", {
    error: "must be an IP address of this machine, such as 127.0.0.1 or 0.0.0.0",
  })
  .default("127.0.0.1");

const variables = {
  SOURCE_DATABASE_URLS: databaseUrls(),
  CENTRAL_DATABASE_URL: databaseUrl(),
  CONSOLE_OPERATOR_SOURCE_DATABASE_URLS: databaseUrls().optional(),
  CONSOLE_OPERATOR_CENTRAL_DATABASE_URL: databaseUrl().optional(),
  CONSOLE_PORT: wholeNumber(0, 65_535, 9_465),
  CONSOLE_ADDRESS: address,
  CONSOLE_PUBLIC_URL: httpUrl,
  CONSOLE_ENVIRONMENT: z
    .string()
    .regex(/^[\p{L}\p{N} ._-]{1,40}$/u, "must be a label of letters, digits and blanks, up to 40")
    .optional(),
  CONSOLE_SESSION_IDLE_S: wholeNumber(60, 86_400, 3_600),
  CONSOLE_SESSION_MAX_S: wholeNumber(60, 604_800, 28_800),
  CONSOLE_ASK_TIMEOUT_S: wholeNumber(1, 60, 5),
  CONSOLE_SHUTDOWN_GRACE_S: wholeNumber(0, 3_600, 10),
  CONSUMER_MAX_MESSAGE_BYTES: wholeNumber(1, 268_435_455, 1_048_576),
  SESSION_REQUIRE_SEALED: flag(false),
  ...authVariables,
};

/** The name of every variable that the console reads; each may be given as `NAME_FILE`, too. */
export const consoleVariables: readonly string[] = Object.keys(variables);

/** Private keys open sessions. A process that answers browsers must never hold them. */
const refused = ["SESSION_PRIVATE_KEYS", "SESSION_PRIVATE_KEYS_FILE"];

/** Addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/**
 * Reads the environment, all mistakes at once.
 *
 * @throws {ConfigurationError} with one line per mistake.
 */
export function readConsoleConfiguration(environment: Environment): ConsoleConfiguration {
  const mistakes = refused
    .filter((name) => environment[name])
    .map(
      (name) =>
        `${name}: the console never holds private keys; remove it from this process's environment`,
    );
  const values = collect(() => parseConfiguration(variables, environment), mistakes);
  const auth = values && collect(() => readAuthSettings(values), mistakes);
  if (values?.CONSOLE_AUTH === "loopback" && !isLoopback(values.CONSOLE_ADDRESS)) {
    mistakes.push(
      `CONSOLE_ADDRESS: with CONSOLE_AUTH=loopback it must be 127.0.0.1, ::1 or localhost; to listen on ${values.CONSOLE_ADDRESS}, choose CONSOLE_AUTH=header, oidc or token`,
    );
  }
  const operator = values && collect(() => readOperatorLogins(values), mistakes);
  if (values === undefined || auth === undefined || operator === undefined || mistakes.length > 0) {
    throw new ConfigurationError(mistakes);
  }
  return {
    viewer: { sourceUrls: values.SOURCE_DATABASE_URLS, centralUrl: values.CENTRAL_DATABASE_URL },
    operator,
    port: values.CONSOLE_PORT,
    address: values.CONSOLE_ADDRESS,
    auth,
    publicUrl: values.CONSOLE_PUBLIC_URL,
    environment: values.CONSOLE_ENVIRONMENT,
    sessionIdleS: values.CONSOLE_SESSION_IDLE_S,
    sessionMostS: values.CONSOLE_SESSION_MAX_S,
    askS: values.CONSOLE_ASK_TIMEOUT_S,
    shutdownGraceS: values.CONSOLE_SHUTDOWN_GRACE_S,
    judge: {
      maxMessageBytes: values.CONSUMER_MAX_MESSAGE_BYTES,
      requireSealed: values.SESSION_REQUIRE_SEALED,
    },
  };
}

type Values = z.output<z.ZodObject<typeof variables>>;

/** Who acts must act on the databases that are looked at: they are the same ones, by other logins. */
function readOperatorLogins(values: Values): Logins {
  const sources = values.CONSOLE_OPERATOR_SOURCE_DATABASE_URLS;
  const central = values.CONSOLE_OPERATOR_CENTRAL_DATABASE_URL;
  const looked = values.SOURCE_DATABASE_URLS;
  const mistakes: string[] = [];
  if (sources !== undefined) {
    const acted = sources.map(withoutSecrets);
    const missing = looked.map(withoutSecrets).filter((one) => !acted.includes(one));
    if (missing.length > 0 || acted.length !== looked.length) {
      mistakes.push(
        `CONSOLE_OPERATOR_SOURCE_DATABASE_URLS: must name the databases of SOURCE_DATABASE_URLS, no others${missing.length > 0 ? `; missing: ${missing.join(", ")}` : ""}`,
      );
    }
  }
  if (
    central !== undefined &&
    withoutSecrets(central) !== withoutSecrets(values.CENTRAL_DATABASE_URL)
  ) {
    mistakes.push(
      "CONSOLE_OPERATOR_CENTRAL_DATABASE_URL: must name the database of CENTRAL_DATABASE_URL",
    );
  }
  if ((sources === undefined) !== (central === undefined)) {
    mistakes.push(
      "CONSOLE_OPERATOR_SOURCE_DATABASE_URLS and CONSOLE_OPERATOR_CENTRAL_DATABASE_URL: give both, or neither",
    );
  }
  if (mistakes.length > 0) throw new ConfigurationError(mistakes);
  return {
    sourceUrls: sources ?? looked,
    centralUrl: central ?? values.CENTRAL_DATABASE_URL,
  };
}

function collect<Value>(read: () => Value, mistakes: string[]): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    mistakes.push(...error.mistakes);
    return undefined;
  }
}
