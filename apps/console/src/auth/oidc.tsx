import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { wordsOf } from "@centralcloud/service";
import type { Configuration } from "openid-client";
import {
  type Authentication,
  ownPath,
  type SignInAnswer,
  type SignInEvent,
} from "./authentication.ts";
import { rightsOfGroups } from "./rights.ts";
import { cookieOf, type Sessions } from "./sessions.ts";
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

/** The code flow of OpenID Connect, with PKCE. Its library is loaded only where it is used. */
export function createOidc({ settings, publicUrl, sessions, tell }: OidcOptions): Authentication {
  const { issuer, clientId, clientSecret, scopes, userClaim, groupsClaim, granted } = settings;
  const isSecure = publicUrl.protocol === "https:";
  const cookieName = isSecure ? "__Host-centralcloud-login" : "centralcloud-login";
  const attributes = `HttpOnly; SameSite=Lax; Path=/${isSecure ? "; Secure" : ""}`;
  const seal = createSeal();
  const callback = new URL("/login/callback", publicUrl).href;
  let discovered: Promise<Configuration> | undefined;

  async function discover() {
    const client = await import("openid-client");
    discovered ??= client.discovery(issuer, clientId, clientSecret, undefined, {
      timeout: 10,
      // For an issuer on this machine; a URL with http is nothing that slips in by mistake.
      ...(issuer.protocol === "http:" ? { execute: [client.allowInsecureRequests] } : {}),
    });
    try {
      return { client, configuration: await discovered };
    } catch (error) {
      discovered = undefined;
      throw error;
    }
  }

  async function begin(response: ServerResponse, to: string): Promise<SignInAnswer> {
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
    response.setHeader(
      "set-cookie",
      `${cookieName}=${value}; ${attributes}; Max-Age=${signInTimeoutS}`,
    );
    return { seeOther: location.href };
  }

  async function end(
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
  ): Promise<SignInAnswer> {
    const opened = seal.open(cookieOf(request, cookieName) ?? "");
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
    const claims: Readonly<Record<string, unknown>> = tokens.claims() ?? {};
    const name = claims[userClaim] ?? claims.sub;
    if (typeof name !== "string" || !/^[^\p{C}]{1,200}$/u.test(name)) {
      return refuse(`the issuer gave no ${userClaim}`);
    }
    const given = claims[groupsClaim];
    const groups = Array.isArray(given) ? given.filter((one) => typeof one === "string") : [];
    const rights = rightsOfGroups(groups, granted);
    if (rights.size === 0) return refuse(`${name} is in no group that may look`);
    sessions.begin(request, response, { name, rights });
    response.appendHeader("set-cookie", `${cookieName}=; ${attributes}; Max-Age=0`);
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
    async signIn({ request, response, path, query, form }) {
      if (form !== undefined) return undefined;
      try {
        if (path === "/login/oidc") return await begin(response, ownPath(query.get("to")));
        if (path === "/login/callback") return await end(request, response, query);
      } catch (error) {
        return refuse(wordsOf(error));
      }
      return undefined;
    },
    signOut: (request, response) => sessions.end(request, response),
  };
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
