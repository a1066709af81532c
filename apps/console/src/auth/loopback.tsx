import { createHash, randomBytes } from "node:crypto";
import { createRateLimit } from "../server/rate-limit.ts";
import { type Authentication, ownPath, type SignInEvent } from "./authentication.ts";
import type { Viewer } from "./rights.ts";
import type { Sessions } from "./sessions.ts";

export interface LoopbackOptions {
  readonly viewer: Viewer;
  readonly sessions: Sessions;
  /** Shows a link to whoever started the console, in the terminal. Nobody else may see it. */
  readonly showLink: (path: string) => void;
  readonly tell: (event: SignInEvent) => void;
}

/** Links that have been shown and not been used. Where there are so many, the newest is shown again. */
const mostLinks = 5;

/** How often anybody may have a link shown; those who ask more often find the last one in the terminal. */
const shows = { atOnce: 5, aMinute: 6 } as const;

/**
 * For one person on one machine: whoever can read the terminal may come in, by a link that works once. Other people of
 * the same machine can reach the port, and have no link. Whatever they send, a link that was shown stays valid until it is
 * used; nobody guesses its 192 bits, so tries are not counted.
 */
export function createLoopback(options: LoopbackOptions): Authentication & { newLink(): string } {
  const { viewer, sessions, showLink, tell } = options;
  /** By their hashes, so that how long a look-up takes tells nothing of them. */
  const codes = new Map<string, string>();
  const hashOf = (code: string) => createHash("sha256").update(code).digest("hex");
  const mayShow = createRateLimit(shows);

  function newLink(): string {
    const newest = [...codes.values()].at(-1);
    const code =
      newest !== undefined && codes.size >= mostLinks
        ? newest
        : randomBytes(24).toString("base64url");
    codes.set(hashOf(code), code);
    return `/login?code=${code}`;
  }

  return {
    newLink,
    identify(request) {
      const session = sessions.find(request);
      return session && { viewer: session.viewer, session: session.id };
    },
    invite: (to) => (
      <>
        <p>
          The terminal in which the console was started shows a link that signs you in. It works
          once; for another one:
        </p>
        <form method="post" action="/login/link">
          <input type="hidden" name="to" value={to} />
          <button type="submit">Show a new link in the terminal</button>
        </form>
      </>
    ),
    async signIn({ request, response, path, query, form }) {
      if (path === "/login/link" && form !== undefined) {
        if (mayShow.admits("")) showLink(newLink());
        const body = (
          <p>
            There is a link in the terminal in which the console was started. Open the last one.
          </p>
        );
        return { status: 200, title: "Look at the terminal", body };
      }
      if (path !== "/login") return undefined;
      if (form === undefined) {
        const code = query.get("code");
        if (code === null) return undefined;
        const body = (
          <form method="post" action="/login" data-submit>
            <input type="hidden" name="code" value={code} />
            <input type="hidden" name="to" value={ownPath(query.get("to"))} />
            <button type="submit">Open the console</button>
          </form>
        );
        return { status: 200, title: "Sign in", body };
      }
      if (!codes.delete(hashOf(form.get("code") ?? ""))) {
        tell({ name: undefined, ok: false, reason: "the link is not valid, or was used" });
        const body = (
          <>
            <p role="alert">This link was used already, or is of a console that has stopped.</p>
            {this.invite(ownPath(form.get("to")))}
          </>
        );
        return { status: 401, title: "The link is not valid any more", body };
      }
      sessions.begin(request, response, viewer);
      tell({ name: viewer.name, ok: true });
      return { seeOther: ownPath(form.get("to")) };
    },
    signOut: (request, response) => sessions.end(request, response),
  };
}
