import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { wordsOf } from "@centralcloud/service";
import type { Configuration } from "openid-client";
import { createRateLimit } from "../server/rate-limit.ts";
import {
  type Authentication,
  ownPath,
  type SignInAnswer,
  type SignInEvent,
} from "./authentication.ts";
import { rightsOfGroups, type Viewer } from "./rights.ts";
import { cookieName, cookieOf, type Sessions } from "./sessions.ts";
import type { OidcSettings } from "./settings.ts";

export interface OidcOptions {
  readonly settings: OidcSettings;
  readonly publicUrl: URL;
  readonly sessions: Sessions;
  readonly tell: (event: SignInEvent) => void;
}

/** How long somebody may take to sign in at the issuer, in seconds. */
const signInTimeoutS = 600;

/** What belongs to one sign-in, until the issuer sends the browser back; the browser keeps it, sealed. */
interface Begun {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly to: string;
  readonly until: number;
}

/** How often one address may begin or end a sign-in: each asks the issuer something. */
const turns = { atOnce: 30, aMinute: 60 } as const;

/** An issuer that did not answer is left alone for so long, in milliseconds. */
const restMs = 5_000;

/** The code flow of OpenID Connect, with PKCE. Its library is loaded only where it is used. */
export function createOidc({ settings, publicUrl, sessions, tell }: OidcOptions): Authentication {
  const { issuer, clientId, clientSecret, scopes } = settings;
  const isSecure = publicUrl.protocol === "https:";
  const attributes = `HttpOnly; SameSite=Lax; Path=/${isSecure ? "; Secure" : ""}`;
  const seal = createSeal();
  const callback = new URL("/login/callback", publicUrl).href;
  const mayAsk = createRateLimit(turns);
  let discovered: Promise<Configuration> | undefined;
  let forgetAt = 0;

  async function discover() {
    const client = await import("openid-client");
    if (forgetAt > 0 && performance.now() > forgetAt) {
      discovered = undefined;
      forgetAt = 0;
    }
    discovered ??= client.discovery(issuer, clientId, clientSecret, undefined, {
      timeout: 10,
      // For an issuer on this machine; a URL with http is nothing that slips in by mistake.
      ...(issuer.protocol === "http:" ? { execute: [client.allowInsecureRequests] } : {}),
    });
    try {
      return { client, configuration: await discovered };
    } catch (error) {
      forgetAt ||= performance.now() + restMs;
      throw error;
    }
  }

  async function begin(
    request: IncomingMessage,
    response: ServerResponse,
    to: string,
  ): Promise<SignInAnswer> {
    const { client, configuration } = await discover();
    const begun: Begun = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
      to,
      until: Date.now() + signInTimeoutS * 1_000,
    };
    const location = client.buildAuthorizationUrl(configuration, {
      redirect_uri: callback,
      scope: scopes,
      state: begun.state,
      nonce: begun.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(begun.verifier),
      code_challenge_method: "S256",
    });
    const value = seal.close(JSON.stringify(begun));
    const name = cookieName(request, "centralcloud-login", isSecure);
    response.setHeader("set-cookie", `${name}=${value}; ${attributes}; Max-Age=${signInTimeoutS}`);
    return { seeOther: location.href };
  }

  async function end(
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
  ): Promise<SignInAnswer> {
    const cookie = cookieName(request, "centralcloud-login", isSecure);
    const opened = seal.open(cookieOf(request, cookie) ?? "");
    const begun = opened === undefined ? undefined : (JSON.parse(opened) as Begun);
    if (begun === undefined || begun.until < Date.now()) {
      return refuse("the sign-in took too long, or began in another browser");
    }
    const { client, configuration } = await discover();
    const url = new URL(callback);
    url.search = query.toString();
    const tokens = await client.authorizationCodeGrant(configuration, url, {
      pkceCodeVerifier: begun.verifier,
      expectedState: begun.state,
      expectedNonce: begun.nonce,
      idTokenExpected: true,
    });
    const found = viewerOf(tokens.claims() ?? {}, settings);
    if ("refused" in found) return refuse(found.refused);
    const { name, rights } = found;
    sessions.begin(request, response, { name, rights });
    response.appendHeader("set-cookie", `${cookie}=; ${attributes}; Max-Age=0`);
    tell({ name, ok: true });
    return { seeOther: ownPath(begun.to) };
  }

  function refuse(reason: string): SignInAnswer {
    tell({ name: undefined, ok: false, reason });
    const body = (
      <>
        <p role="alert">You are not signed in: {reason}.</p>
        <p>
          <a href="/login/oidc">Try again</a>, or ask whoever runs the console.
        </p>
      </>
    );
    return { status: 403, title: "Not signed in", body };
  }

  return {
    identify(request) {
      const session = sessions.find(request);
      return session && { viewer: session.viewer, session: session.id };
    },
    invite: (to) => (
      <p>
        {/* A link, because what a form sends must not lead to another site. */}
        <a class="button primary" href={`/login/oidc?${new URLSearchParams({ to })}`}>
          Sign in with {issuer.host}
        </a>
      </p>
    ),
    async signIn({ request, response, path, query, form, address }) {
      if (form !== undefined || !["/login/oidc", "/login/callback"].includes(path))
        return undefined;
      if (!mayAsk.admits(address)) {
        tell({ name: undefined, ok: false, reason: "too many sign-ins" });
        const body = <p role="alert">Too many sign-ins began where you are. Wait a minute.</p>;
        return { status: 429, title: "Too many at once", body };
      }
      try {
        if (path === "/login/oidc") return await begin(request, response, ownPath(query.get("to")));
        return await end(request, response, query);
      } catch (error) {
        return refuse(wordsOf(error));
      }
    },
    signOut: (request, response) => sessions.end(request, response),
  };
}

/** Whom an issuer has signed in, or why nobody is by what it says. */
function viewerOf(
  claims: Readonly<Record<string, unknown>>,
  { userClaim, groupsClaim, granted }: OidcSettings,
): Viewer | { readonly refused: string } {
  const name = claims[userClaim];
  // Another claim instead would put people on record under names of another kind.
  if (typeof name !== "string" || !/^[^\p{C}]{1,200}$/u.test(name)) {
    return { refused: `the issuer gave no ${userClaim}; CONSOLE_OIDC_USER_CLAIM names the claim` };
  }
  // Issuers let people enter an address that is somebody else's, until it is verified.
  const isByEmail = userClaim === "email" || groupsClaim === "email";
  if (isByEmail && ![true, "true"].some((yes) => claims.email_verified === yes)) {
    return {
      refused:
        "the issuer does not say that the address of email is verified; let it, or choose sub as CONSOLE_OIDC_USER_CLAIM",
    };
  }
  const given = claims[groupsClaim];
  if (!Array.isArray(given)) {
    return {
      refused: `the issuer gave no list ${groupsClaim}; CONSOLE_OIDC_GROUPS_CLAIM names the claim`,
    };
  }
  const rights = rightsOfGroups(
    given.filter((one) => typeof one === "string"),
    granted,
  );
  return rights.size === 0 ? { refused: `${name} is in no group that may look` } : { name, rights };
}

/** Seals a text for ourselves: nobody else can read it, or make one. */
function createSeal() {
  const key = randomBytes(32);
  return {
    close(text: string): string {
      const iv = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, iv);
      const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString("base64url");
    },
    open(given: string): string | undefined {
      const bytes = Buffer.from(given, "base64url");
      if (bytes.length < 29) return undefined;
      try {
        const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12));
        decipher.setAuthTag(bytes.subarray(12, 28));
        return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString();
      } catch {
        return undefined;
      }
    },
  };
}
