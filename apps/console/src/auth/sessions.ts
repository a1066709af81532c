import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Viewer } from "./rights.ts";

/** Somebody who has signed in. */
export interface Session {
  readonly id: string;
  readonly viewer: Viewer;
}

/** Who is signed in, in memory: a console that starts anew asks everybody to sign in again. */
export interface Sessions {
  /** Whose request it is; undefined where nobody has signed in, or that session has ended. */
  find(request: IncomingMessage): Session | undefined;
  /** Signs somebody in: an older session of the same browser ends. */
  begin(request: IncomingMessage, response: ServerResponse, viewer: Viewer): void;
  end(request: IncomingMessage, response: ServerResponse): void;
}

export interface SessionsOptions {
  readonly idleS: number;
  readonly mostS: number;
  /** Whether people reach us by https: then the cookie is for that alone. */
  readonly isSecure: boolean;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
}

/** Sessions at most; the one that was used longest ago ends first. */
const mostSessions = 10_000;

interface Kept extends Session {
  readonly beganAt: number;
  usedAt: number;
}

/**
 * A request that a page sends by itself, to show what has changed: somebody who has left the page open is not there for
 * that.
 */
export function isAutomatic(request: IncomingMessage): boolean {
  return request.headers["x-console-live"] !== undefined;
}

export function createSessions(options: SessionsOptions): Sessions {
  const { idleS, mostS, isSecure, now = () => performance.now() } = options;
  const nameFor = (request: IncomingMessage) => cookieName(request, "centralcloud", isSecure);
  const attributes = `HttpOnly; SameSite=Strict; Path=/${isSecure ? "; Secure" : ""}`;
  const key = randomBytes(32);
  const sessions = new Map<string, Kept>();
  const sign = (id: string) => createHmac("sha256", key).update(id).digest("base64url");

  function idOf(request: IncomingMessage): string | undefined {
    const value = cookieOf(request, nameFor(request));
    const [, id, signature] = /^([\w-]{43})\.([\w-]{43})$/.exec(value ?? "") ?? [];
    if (id === undefined || signature === undefined) return undefined;
    return timingSafeEqual(Buffer.from(sign(id)), Buffer.from(signature)) ? id : undefined;
  }

  return {
    find(request) {
      const id = idOf(request);
      const session = id === undefined ? undefined : sessions.get(id);
      if (id === undefined || session === undefined) return undefined;
      const at = now();
      if (at - session.usedAt > idleS * 1_000 || at - session.beganAt > mostS * 1_000) {
        sessions.delete(id);
        return undefined;
      }
      if (!isAutomatic(request)) {
        session.usedAt = at;
        sessions.delete(id);
        sessions.set(id, session);
      }
      return session;
    },
    begin(request, response, viewer) {
      const before = idOf(request);
      if (before !== undefined) sessions.delete(before);
      const id = randomBytes(32).toString("base64url");
      sessions.set(id, { id, viewer, beganAt: now(), usedAt: now() });
      const [oldest] = sessions.keys();
      if (sessions.size > mostSessions && oldest !== undefined) sessions.delete(oldest);
      response.setHeader("set-cookie", `${nameFor(request)}=${id}.${sign(id)}; ${attributes}`);
    },
    end(request, response) {
      const id = idOf(request);
      if (id !== undefined) sessions.delete(id);
      response.setHeader("set-cookie", `${nameFor(request)}=; ${attributes}; Max-Age=0`);
    },
  };
}

/**
 * The name of a cookie at the port by which somebody reaches us: browsers send cookies of a host to all of its ports, so
 * that two consoles of one name would else end each other's sessions, or two tunnels to consoles elsewhere.
 */
export function cookieName(
  { headers }: Pick<IncomingMessage, "headers">,
  name: string,
  isSecure: boolean,
): string {
  const port = /:(\d{1,5})$/.exec(headers.host ?? "")?.[1];
  const own = port === undefined ? name : `${name}-${port}`;
  return isSecure ? `__Host-${own}` : own;
}

/** A cookie that came with a request; undefined where there is none, or more than one of this name. */
export function cookieOf(request: IncomingMessage, name: string): string | undefined {
  const found = (request.headers.cookie ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`));
  return found.length === 1 ? found[0]?.slice(name.length + 1) : undefined;
}
