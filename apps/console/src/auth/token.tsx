import { createRateLimit } from "../server/rate-limit.ts";
import { type Authentication, ownPath, type SignInEvent } from "./authentication.ts";
import type { Sessions } from "./sessions.ts";
import { findToken, shortestToken, type TokenEntry } from "./tokens.ts";

export interface TokenOptions {
  readonly tokens: readonly TokenEntry[];
  readonly sessions: Sessions;
  readonly tell: (event: SignInEvent) => void;
}

/** How often one address may be wrong before it is asked to wait. */
const failures = { atOnce: 10, aMinute: 10 } as const;

/**
 * For small teams: each has a long random token, of which only the hash is configured. A right one signs its person in
 * however often others were wrong: behind a proxy, strangers may have the same address. So tokens must be too long to guess.
 */
export function createTokenSignIn({ tokens, sessions, tell }: TokenOptions): Authentication {
  const form = (to: string) => (
    <form method="post" action="/login" class="stack">
      <input type="hidden" name="to" value={to} />
      <label for="token">Your token</label>
      <input
        id="token"
        name="token"
        type="password"
        autocomplete="current-password"
        required
        spellcheck={false}
      />
      <div>
        <button type="submit">Sign in</button>
      </div>
    </form>
  );
  const failed = createRateLimit(failures);
  const refuse = (status: number, to: string, words: string) => {
    tell({
      name: undefined,
      ok: false,
      reason: status === 429 ? "too many sign-ins" : "no such token",
    });
    const body = (
      <>
        <p role="alert">{words}</p>
        {form(to)}
      </>
    );
    return { status, title: "Sign in", body };
  };
  return {
    identify(request) {
      const session = sessions.find(request);
      return session && { viewer: session.viewer, session: session.id };
    },
    invite: form,
    async signIn({ request, response, path, query, form: sent, address }) {
      if (path !== "/login") return undefined;
      if (sent === undefined) {
        return { status: 200, title: "Sign in", body: form(ownPath(query.get("to"))) };
      }
      const to = ownPath(sent.get("to"));
      const token = sent.get("token") ?? "";
      const viewer = findToken(tokens, token);
      if (viewer === undefined) {
        if (!failed.admits(address)) {
          return refuse(429, to, "Too many wrong tokens came from where you are. Wait a minute.");
        }
        return refuse(
          401,
          to,
          "This is nobody's token. Tokens are given by whoever runs the console, and can be pasted.",
        );
      }
      if (token.length < shortestToken) {
        return refuse(
          401,
          to,
          `Your token has fewer than ${shortestToken} characters and could be guessed: ask whoever runs the console for a longer one.`,
        );
      }
      sessions.begin(request, response, viewer);
      tell({ name: viewer.name, ok: true });
      return { seeOther: to };
    },
    signOut: (request, response) => sessions.end(request, response),
  };
}
