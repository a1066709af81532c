import { type Authentication, ownPath, type SignInEvent } from "./authentication.ts";
import type { Sessions } from "./sessions.ts";
import { findToken, type TokenEntry } from "./tokens.ts";

export interface TokenOptions {
  readonly tokens: readonly TokenEntry[];
  readonly sessions: Sessions;
  readonly tell: (event: SignInEvent) => void;
}

/** For small teams: each has a long random token, of which only the hash is configured. */
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
  return {
    identify(request) {
      const session = sessions.find(request);
      return session && { viewer: session.viewer, session: session.id };
    },
    invite: form,
    async signIn({ request, response, path, query, form: sent }) {
      if (path !== "/login") return undefined;
      if (sent === undefined) {
        return { status: 200, title: "Sign in", body: form(ownPath(query.get("to"))) };
      }
      const to = ownPath(sent.get("to"));
      const viewer = findToken(tokens, sent.get("token") ?? "");
      if (viewer === undefined) {
        tell({ name: undefined, ok: false, reason: "no such token" });
        const body = (
          <>
            <p role="alert">
              This is nobody's token. Tokens are given by whoever runs the console, and can be
              pasted.
            </p>
            {form(to)}
          </>
        );
        return { status: 401, title: "Sign in", body };
      }
      sessions.begin(request, response, viewer);
      tell({ name: viewer.name, ok: true });
      return { seeOther: to };
    },
    signOut: (request, response) => sessions.end(request, response),
  };
}
