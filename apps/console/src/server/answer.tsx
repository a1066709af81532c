import type { IncomingMessage, ServerResponse } from "node:http";
import type { ComponentChildren } from "preact";
import { createLooks } from "../acting/looks.ts";
import { DoneBeforeError } from "../acting/record.ts";
import type { ActionRunner } from "../acting/runner.ts";
import type { Authentication, Identified } from "../auth/authentication.ts";
import type { ConsoleConfiguration } from "../configuration.ts";
import { keyField, Mistakes } from "../kit/form.tsx";
import { type LayoutOptions, renderPage } from "../kit/layout.tsx";
import { applicationName } from "../reading/databases.ts";
import { createReadLimits } from "../reading/read-limits.ts";
import type { SharedReads } from "../reading/shared.ts";
import type { Snapshots } from "../reading/snapshots.ts";
import { createTurns } from "../reading/turns.ts";
import { collectGiven, GivenError, readFields } from "../routing/fields.ts";
import type {
  AnyDownload,
  AnyForm,
  AnyPage,
  Outcome,
  ReadContext,
  Route,
} from "../routing/route.ts";
import { createRouter, type Found } from "../routing/router.ts";
import { answerAsset } from "./assets.ts";
import { readForm } from "./body.ts";
import { clientAddress } from "./client-address.ts";
import * as failures from "./failures.tsx";
import { setSecurityHeaders } from "./headers.ts";
import { isForeignLink, isForeignLoad, isOurHost, isOwnPost } from "./origin.ts";
import { createRateLimit } from "./rate-limit.ts";
import { redirect, sendDownload, sendPage, sendText } from "./reply.ts";
import { createSentForms } from "./sent-forms.ts";

export interface AnsweringOptions {
  readonly configuration: ConsoleConfiguration;
  readonly routes: readonly Route[];
  readonly authentication: Authentication;
  readonly snapshots: Snapshots;
  readonly shared: SharedReads;
  readonly runner: ActionRunner;
  /** Is told what went wrong at a path, and what was refused. */
  readonly tell: (event: AnswerEvent) => void;
}

export type AnswerEvent =
  | { readonly kind: "fault"; readonly path: string; readonly error: unknown }
  | { readonly kind: "refused"; readonly path: string; readonly reason: string };

/** What is read of one form at most: a message of 1 MiB, each byte of which may be written as three. */
const mostFormBytes = 4 * 1_048_576;
const mostSignInBytes = 16 * 1_024;

/** How long reading a page may take beside what its databases may, in milliseconds. */
const pageMs = 5_000;

/** Answers every request. What it answers, it answers with the security headers. */
export function createAnswering(options: AnsweringOptions) {
  const { configuration, routes, authentication, snapshots, shared, runner, tell } = options;
  const { publicUrl, environment, viewer: logins, operator, askS, auth, judge } = configuration;
  const router = createRouter(routes);
  const reads = createReadLimits();
  const takeTurn = createTurns();
  const posts = createRateLimit({ atOnce: 30, aMinute: 60 });
  /** Forms of people whose session has ended, by their address: nobody knows them. */
  const unsigned = createRateLimit({ atOnce: 10, aMinute: 20 });
  const sent = createSentForms();
  const looks = createLooks();
  const isSecure = publicUrl?.protocol === "https:";
  const hasPath = (path: string) => router.find(path).has("GET");
  const hostRules = { mode: auth.mode, publicUrl };

  type Shown = Partial<LayoutOptions> & { readonly status: number; readonly title: string };

  function show(
    response: ServerResponse,
    request: Asked,
    { status, ...given }: Shown,
    body: ComponentChildren,
  ): void {
    const html = renderPage(
      {
        section: "none",
        path: request.path,
        viewer: request.viewer,
        now: request.now,
        environment,
        hasPath,
        ...given,
      },
      body,
    );
    sendPage(response, status, html);
  }

  /** The page that a form stands on: that of its path, or of the path above. */
  function pageOf({ path, url }: Asked): string {
    const above = path.slice(0, Math.max(1, path.lastIndexOf("/")));
    return `${[path, above].find(hasPath) ?? "/"}${url.search}`;
  }

  function fail(response: ServerResponse, request: Asked, failure: failures.Failure): void {
    show(response, request, failure, failure.body);
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    setSecurityHeaders(response, isSecure);
    const base = "http://console.invalid";
    const isUrl = URL.canParse(request.url ?? "/", base);
    const url = new URL(isUrl ? (request.url ?? "/") : "/", base);
    const asked: Asked = { path: url.pathname, url, now: new Date(), viewer: undefined };
    try {
      if (!isUrl) return fail(response, asked, failures.badAddress());
      await route(request, response, asked);
    } catch (error) {
      const failure =
        error instanceof DoneBeforeError
          ? failures.doneBefore(pageOf(asked))
          : failures.describeFailure(error);
      if (failure.isFault) tell({ kind: "fault", path: asked.path, error });
      if (response.headersSent || response.destroyed) return void response.destroy();
      if (failure.retryAfterS !== undefined) response.setHeader("retry-after", failure.retryAfterS);
      fail(response, asked, failure);
    }
  }

  async function route(request: IncomingMessage, response: ServerResponse, asked: Asked) {
    const { path } = asked;
    const refuse = (reason: string, failure: failures.Failure) => {
      tell({ kind: "refused", path, reason });
      // What comes with it is not read.
      response.setHeader("connection", "close");
      fail(response, asked, failure);
    };
    const isHead = request.method === "HEAD";
    const method = isHead ? "GET" : request.method;
    if (path === "/healthz" && method === "GET") return sendText(response, 200, "ok\n");
    if (!isOurHost(request, hostRules)) return refuse("unknown host", failures.wrongHost());
    if (method !== "GET" && method !== "POST") {
      response.setHeader("allow", "GET, HEAD, POST");
      return refuse("method", failures.methodNotAllowed(["GET", "HEAD", "POST"]));
    }
    if (method === "GET" && answerAsset(path, response)) return;
    if (method === "POST" && !isOwnPost(request, publicUrl)) {
      return refuse("sent from another site", failures.foreignPost());
    }
    if (method === "GET" && isForeignLoad(request)) {
      return refuse("loaded by another site", failures.foreignPost());
    }
    const identified = authentication.identify(request);
    if (identified !== undefined && "refused" in identified) {
      const title = "You are not known here";
      return refuse(identified.refused, { status: 403, title, body: <p>{identified.refused}</p> });
    }
    asked.viewer = identified?.viewer;
    if (path === "/login" || path.startsWith("/login/")) {
      return await signIn(request, response, asked, method, identified);
    }
    if (path === "/logout" && method === "POST") {
      authentication.signOut(request, response);
      return redirect(response, "/");
    }
    if (identified === undefined) return await invite(request, response, asked, method);
    const found = router.find(path);
    const match = found.get(method);
    if (match === undefined) {
      if (found.size === 0) return fail(response, asked, failures.notFound());
      const allowed = found.has("GET") ? ["GET", "HEAD"] : ["POST"];
      response.setHeader("allow", allowed.join(", "));
      return fail(response, asked, failures.methodNotAllowed(allowed));
    }
    if (!identified.viewer.rights.has(match.route.right)) {
      const failure = failures.missingRight(match.route.right, identified.viewer);
      return refuse(`${identified.viewer.name} has no right to ${match.route.right}`, failure);
    }
    if (match.route.kind === "form") {
      if (!posts.admits(identified.session)) return refuse("too many", failures.tooMany());
      return await act(request, response, asked, { ...match, route: match.route }, identified);
    }
    const { session } = identified;
    await reads.run(session, match.route.kind, () => read(response, asked, match, identified));
  }

  async function signIn(
    request: IncomingMessage,
    response: ServerResponse,
    asked: Asked,
    method: "GET" | "POST",
    identified: Identified | undefined,
  ): Promise<void> {
    const { path } = asked;
    const form = method === "POST" ? await readForm(request, mostSignInBytes) : undefined;
    const query = asked.url.searchParams;
    const address = clientAddress(request, auth.isProxy);
    const sentBy = { request, response, path, query, form, address };
    const answered = await authentication.signIn(sentBy);
    if (answered !== undefined && "seeOther" in answered)
      return redirect(response, answered.seeOther);
    if (answered !== undefined) return show(response, asked, answered, answered.body);
    if (identified !== undefined) return redirect(response, "/");
    show(response, asked, { status: 200, title: "Sign in" }, authentication.invite("/"));
  }

  async function invite(
    request: IncomingMessage,
    response: ServerResponse,
    asked: Asked,
    method: "GET" | "POST",
  ): Promise<void> {
    const to = `${asked.path}${asked.url.search}`;
    const invitation = authentication.invite(to);
    if (method === "POST") {
      // What was typed is kept for who signs in again; there is none where no form is.
      if (!router.find(asked.path).has("POST")) return fail(response, asked, failures.notFound());
      if (!unsigned.admits(clientAddress(request, auth.isProxy))) {
        return fail(response, asked, failures.tooMany());
      }
      const form = await readForm(request, mostFormBytes);
      return fail(response, asked, failures.signInFirst(invitation, to, form));
    }
    // The browser keeps the cookie to itself where another site's link led here, and sends it when we load ourselves again.
    const reload = isForeignLink(request);
    show(response, asked, { status: 401, title: "Sign in", reload }, invitation);
  }

  function contextOf(
    { now, url }: Asked,
    { params, route: { query } }: Found,
    { viewer, session }: Identified,
    signal: AbortSignal,
  ): ReadContext<never> {
    const asking = { applicationName, mostS: askS, signal, takeTurn };
    return {
      params,
      query: readFields(query, collectGiven(url.searchParams)) as never,
      viewer,
      now,
      signal,
      databases: { ...logins, asking, judge },
      snapshots,
      shared,
      looks: looks.of(session),
    };
  }

  async function read(
    response: ServerResponse,
    asked: Asked,
    found: Found,
    identified: Identified,
  ): Promise<void> {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const timeUp = AbortSignal.timeout(askS * 1_000 + pageMs);
    const route = found.route as AnyPage | AnyDownload;
    if (route.kind === "download") {
      // A long export may take long; it ends when its reader has gone.
      const context = contextOf(asked, found, identified, gone.signal);
      return await sendDownload(response, await route.read(context));
    }
    const signal = AbortSignal.any([gone.signal, timeUp]);
    const context = contextOf(asked, found, identified, signal);
    const model = await route.read(context);
    const given = collectGiven(asked.url.searchParams);
    const { params, query } = context;
    show(
      response,
      asked,
      {
        status: 200,
        title: route.title(model, params),
        section: route.section,
        command: route.command?.({ params, query, given }),
        asOf: route.asOf?.(model),
        isLive: route.isLive,
      },
      route.page(model),
    );
  }

  async function act(
    request: IncomingMessage,
    response: ServerResponse,
    asked: Asked,
    found: Found & { readonly route: AnyForm },
    identified: Identified,
  ): Promise<void> {
    const { route } = found;
    const fields = await readForm(request, mostFormBytes);
    const key = fields.get(keyField) ?? "";
    fields.delete(keyField);
    if (!/^[0-9a-f-]{36}$/.test(key))
      throw new GivenError([`${keyField}: must be that of a form of ours`]);
    const given = collectGiven(fields);
    // Whoever leaves the page does not end what he has begun.
    const context = contextOf(asked, found, identified, new AbortController().signal);
    const work = async (): Promise<Outcome> => {
      let form: never;
      try {
        form = readFields(route.form, given) as never;
      } catch (error) {
        if (!(error instanceof GivenError)) throw error;
        const { mistakes } = error;
        const again = await route.refused?.(given, mistakes, context);
        const title = again?.title ?? "Something is missing";
        return { status: 422, title, body: again?.body ?? <Mistakes mistakes={mistakes} /> };
      }
      return await route.act({ ...context, form, key, operator, runner });
    };
    const outcome = await sent.once(`${identified.session} ${asked.path} ${key}`, work);
    if ("seeOther" in outcome) return redirect(response, outcome.seeOther);
    show(response, asked, { ...outcome, section: route.section }, outcome.body);
  }

  return answer;
}

interface Asked {
  readonly path: string;
  readonly url: URL;
  readonly now: Date;
  viewer: Identified["viewer"] | undefined;
}
