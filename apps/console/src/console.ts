import { definePart, groupParts, type Observe, type Part, wordsOf } from "@centralcloud/service";
import { createActionRunner } from "./acting/runner.ts";
import type { Authentication, SignInEvent } from "./auth/authentication.ts";
import { createHeaderSignIn } from "./auth/header.tsx";
import { createLoopback } from "./auth/loopback.tsx";
import { createOidc } from "./auth/oidc.tsx";
import { type Right, rights, type Viewer } from "./auth/rights.ts";
import { createSessions } from "./auth/sessions.ts";
import { createTokenSignIn } from "./auth/token.tsx";
import type { ConsoleConfiguration } from "./configuration.ts";
import type { ConsoleObservation } from "./observation.ts";
import { routes as allRoutes } from "./pages/routes.ts";
import { applicationName } from "./reading/databases.ts";
import { createSharedReads } from "./reading/shared.ts";
import { createSnapshots } from "./reading/snapshots.ts";
import { createTurns } from "./reading/turns.ts";
import type { Route } from "./routing/route.ts";
import { createAnswering } from "./server/answer.tsx";
import { createHttpServer } from "./server/http-server.ts";

export interface ConsoleOptions {
  readonly observe: Observe<ConsoleObservation>;
  /** Shows a link that signs somebody in, to whoever started the console and to nobody else; not for a log. */
  readonly showLink: (link: string) => void;
  /** Default: all of them. */
  readonly routes?: readonly Route[];
}

/** The console as a part; `url` is where it listens, once it has started. */
export interface Console extends Part {
  readonly url: string;
  readonly port: number;
}

/** Starts, looks at nothing until somebody asks, and leaves nothing open when it is stopped. */
export function createConsole(
  configuration: ConsoleConfiguration,
  options: ConsoleOptions,
): Console {
  const { observe, showLink, routes = allRoutes } = options;
  const { port, address, viewer, askS } = configuration;
  const snapshots = createSnapshots(viewer, { applicationName, timeout: askS });
  const shared = createSharedReads({ applicationName, mostS: askS, takeTurn: createTurns() });
  const url = () => configuration.publicUrl?.origin ?? `http://${hostOf(address)}:${server.port}`;
  const signIn = createSignIn(configuration, (path) => showLink(`${url()}${path}`), tellSignIn);
  const authentication = configuration.auth.readOnly ? readOnly(signIn.ways) : signIn.ways;

  function tellSignIn({ name = "", ok, reason = "" }: SignInEvent): void {
    if (ok) observe({ event: "console-signed-in", name, via: configuration.auth.mode });
    else observe({ event: "console-refused", path: "/login", reason });
  }

  const runner = createActionRunner({
    logins: configuration.operator,
    adopts: !configuration.auth.readOnly,
    tell: (path, error) => observe({ event: "console-fault", path, error: wordsOf(error) }),
  });
  const answer = createAnswering({
    configuration,
    routes,
    authentication,
    snapshots,
    shared,
    runner,
    tell(event) {
      const { path } = event;
      if (event.kind === "refused")
        observe({ event: "console-refused", path, reason: event.reason });
      else observe({ event: "console-fault", path, error: wordsOf(event.error) });
    },
  });
  const server = createHttpServer({ port, address, answer, observe });
  const looks = definePart({
    name: "console snapshots",
    async start() {},
    async stop() {
      await Promise.all([snapshots.stop(), shared.stop()]);
    },
  });
  const greeting = definePart({
    name: "console link",
    async start() {
      signIn.greet();
    },
    async stop() {},
  });
  return {
    ...groupParts("console", [looks, runner, server, greeting]),
    get url() {
      return url();
    },
    get port() {
      return server.port;
    },
  };
}

function hostOf(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

interface SignIn {
  readonly ways: Authentication;
  /** Says how to sign in, once people can. */
  greet(): void;
}

function createSignIn(
  { auth, publicUrl, sessionIdleS, sessionMostS }: ConsoleConfiguration,
  showLink: (path: string) => void,
  tell: (event: SignInEvent) => void,
): SignIn {
  const isSecure = publicUrl?.protocol === "https:";
  const sessions = createSessions({ idleS: sessionIdleS, mostS: sessionMostS, isSecure });
  switch (auth.mode) {
    case "loopback": {
      const viewer = { name: auth.user, rights: new Set<Right>(rights) };
      const ways = createLoopback({ viewer, sessions, showLink, tell });
      return { ways, greet: () => showLink(ways.newLink()) };
    }
    case "token":
      return { ways: createTokenSignIn({ tokens: auth.tokens, sessions, tell }), greet() {} };
    case "header":
      return { ways: createHeaderSignIn(auth), greet() {} };
    case "oidc": {
      // Its configuration is refused without one.
      const ways = createOidc({ settings: auth, publicUrl: publicUrl as URL, sessions, tell });
      return { ways, greet() {} };
    }
  }
}

/** Nobody may act, whatever else he may. */
function readOnly(ways: Authentication): Authentication {
  const withoutActing = ({ name, rights: held }: Viewer): Viewer => ({
    name,
    rights: new Set([...held].filter((right) => right !== "operate")),
  });
  return {
    ...ways,
    identify(request) {
      const found = ways.identify(request);
      if (found === undefined || "refused" in found) return found;
      return { ...found, viewer: withoutActing(found.viewer) };
    },
  };
}
