import { userInfo } from "node:os";
import { ConfigurationError, flag } from "@centralcloud/service";
import { z } from "zod";
import { parseNetworks } from "./networks.ts";
import { type Right, rights } from "./rights.ts";
import { parseTokens, type TokenEntry } from "./tokens.ts";

export const authModes = ["loopback", "header", "oidc", "token"] as const;
export type AuthMode = (typeof authModes)[number];

/** Which groups have which right. */
export type GrantedGroups = Readonly<Record<Right, readonly string[]>>;

export interface HeaderSettings {
  readonly mode: "header";
  /** Names of headers, in lower case. */
  readonly userHeader: string;
  readonly groupsHeader: string;
  readonly secretHeader: string;
  readonly secret: string;
  readonly granted: GrantedGroups;
}

export interface OidcSettings {
  readonly mode: "oidc";
  readonly issuer: URL;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scopes: string;
  readonly userClaim: string;
  readonly groupsClaim: string;
  readonly granted: GrantedGroups;
}

export type AuthSettings = {
  readonly readOnly: boolean;
  /** Whether an address is that of a trusted proxy, which says whose request it passes on. */
  readonly isProxy: (address: string) => boolean;
} & (
  | { readonly mode: "loopback"; readonly user: string }
  | { readonly mode: "token"; readonly tokens: readonly TokenEntry[] }
  | HeaderSettings
  | OidcSettings
);

/** Groups may have commas and blanks in their names, so they are separated by semicolons. */
const groups = z
  .string()
  .default("")
  .transform((text) =>
    text
      .split(/[;\n]/)
      .map((group) => group.trim())
      .filter((group) => group !== ""),
  );

const headerName = (fallback: string) =>
  z
    .string()
    .regex(/^[A-Za-z0-9-]{1,60}$/, "must be the name of a header, without underscores")
    .default(fallback)
    .transform((name) => name.toLowerCase());

export const authVariables = {
  CONSOLE_AUTH: z
    .enum(authModes, { error: `must be one of ${authModes.join(", ")}` })
    .default("loopback"),
  CONSOLE_READ_ONLY: flag(false),
  CONSOLE_LOOK_GROUPS: groups,
  CONSOLE_REVEAL_GROUPS: groups,
  CONSOLE_OPERATE_GROUPS: groups,
  CONSOLE_AUDIT_GROUPS: groups,
  CONSOLE_TRUSTED_PROXIES: z.string().optional(),
  CONSOLE_PROXY_SECRET: z.string().optional(),
  CONSOLE_PROXY_SECRET_HEADER: headerName("X-Console-Proxy-Secret"),
  CONSOLE_USER_HEADER: headerName("X-Forwarded-User"),
  CONSOLE_GROUPS_HEADER: headerName("X-Forwarded-Groups"),
  CONSOLE_TOKENS: z.string().optional(),
  CONSOLE_OIDC_ISSUER: z.url({ protocol: /^https?$/, error: "must be a URL" }).optional(),
  CONSOLE_OIDC_CLIENT_ID: z.string().optional(),
  CONSOLE_OIDC_CLIENT_SECRET: z.string().optional(),
  CONSOLE_OIDC_SCOPES: z.string().default("openid profile email"),
  CONSOLE_OIDC_USER_CLAIM: z.string().default("email"),
  CONSOLE_OIDC_GROUPS_CLAIM: z.string().default("groups"),
};

type Values = z.output<z.ZodObject<typeof authVariables>> & {
  readonly CONSOLE_PUBLIC_URL?: URL | undefined;
};

/** Shorter secrets could be guessed; in characters. */
const shortestSecret = 32;

/** @throws {ConfigurationError} with one line per mistake of the mode that is chosen. */
export function readAuthSettings(values: Values): AuthSettings {
  const readOnly = values.CONSOLE_READ_ONLY;
  const mistakes: string[] = [];
  const need = (name: keyof Values): string => {
    const value = values[name];
    if (value === undefined) {
      mistakes.push(`${name}: must be given with CONSOLE_AUTH=${values.CONSOLE_AUTH}`);
    }
    return String(value ?? "");
  };
  const networks =
    values.CONSOLE_AUTH === "header"
      ? need("CONSOLE_TRUSTED_PROXIES")
      : (values.CONSOLE_TRUSTED_PROXIES ?? "");
  const isProxy = parseNetworks("CONSOLE_TRUSTED_PROXIES", networks, mistakes);
  const settings = ((): AuthSettings => {
    switch (values.CONSOLE_AUTH) {
      case "loopback":
        return { mode: "loopback", readOnly, isProxy, user: userInfo().username };
      case "token":
        return {
          mode: "token",
          readOnly,
          isProxy,
          tokens: parseTokens("CONSOLE_TOKENS", need("CONSOLE_TOKENS"), mistakes),
        };
      case "header": {
        const secret = need("CONSOLE_PROXY_SECRET");
        if (secret !== "" && secret.length < shortestSecret) {
          mistakes.push(
            `CONSOLE_PROXY_SECRET: must have ${shortestSecret} characters or more, such as those of \`openssl rand -hex 32\``,
          );
        }
        return {
          mode: "header",
          readOnly,
          isProxy,
          userHeader: values.CONSOLE_USER_HEADER,
          groupsHeader: values.CONSOLE_GROUPS_HEADER,
          secretHeader: values.CONSOLE_PROXY_SECRET_HEADER,
          secret,
          granted: grantedGroups(values, mistakes),
        };
      }
      case "oidc": {
        const issuer = need("CONSOLE_OIDC_ISSUER");
        need("CONSOLE_PUBLIC_URL");
        return {
          mode: "oidc",
          readOnly,
          isProxy,
          issuer: new URL(issuer || "https://issuer.invalid"),
          clientId: need("CONSOLE_OIDC_CLIENT_ID"),
          clientSecret: need("CONSOLE_OIDC_CLIENT_SECRET"),
          scopes: values.CONSOLE_OIDC_SCOPES,
          userClaim: values.CONSOLE_OIDC_USER_CLAIM,
          groupsClaim: values.CONSOLE_OIDC_GROUPS_CLAIM,
          granted: grantedGroups(values, mistakes),
        };
      }
    }
  })();
  if (mistakes.length > 0) throw new ConfigurationError(mistakes);
  return settings;
}

function grantedGroups(values: Values, mistakes: string[]): GrantedGroups {
  const granted = {
    look: values.CONSOLE_LOOK_GROUPS,
    reveal: values.CONSOLE_REVEAL_GROUPS,
    operate: values.CONSOLE_OPERATE_GROUPS,
    audit: values.CONSOLE_AUDIT_GROUPS,
  };
  if (rights.every((right) => granted[right].length === 0)) {
    mistakes.push(
      "CONSOLE_LOOK_GROUPS: nobody could sign in; name the groups that may look, and in CONSOLE_REVEAL_GROUPS, CONSOLE_OPERATE_GROUPS and CONSOLE_AUDIT_GROUPS those that may do more",
    );
  }
  return granted;
}
