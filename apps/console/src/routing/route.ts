import type { Readable } from "node:stream";
import type { VNode } from "preact";
import type { Looks } from "../acting/looks.ts";
import type { ActionRunner } from "../acting/runner.ts";
import type { Right, Viewer } from "../auth/rights.ts";
import type { Logins } from "../configuration.ts";
import type { Databases } from "../reading/databases.ts";
import type { SharedReads } from "../reading/shared.ts";
import type { Snapshots } from "../reading/snapshots.ts";
import type { Fields, ValuesOf } from "./fields.ts";

/*
 * Routes are data: the server finds them, asks for the right that they name, and reads what was given, before any code of
 * theirs runs; a test walks all of them with every set of rights.
 */

/** The parts of a path, such as `{source}`, decoded. */
export type Params = Readonly<Record<string, string>>;

/** Which entry of the navigation a page is under. */
export type Section =
  | "now"
  | "queues"
  | "dead-letters"
  | "actions"
  | "knowledge"
  | "system"
  | "sources"
  | "none";

/** What a page may use to read. */
export interface ReadContext<Query> {
  readonly params: Params;
  readonly query: Query;
  readonly viewer: Viewer;
  readonly now: Date;
  /** Aborted when whoever asked has gone, or the page has had its time. */
  readonly signal: AbortSignal;
  readonly databases: Databases;
  readonly snapshots: Snapshots;
  readonly shared: SharedReads;
  /** Of this session. */
  readonly looks: Looks;
}

/** What the code of a form may use: the logins that may act, besides. */
export interface ActContext<Form, Query> extends ReadContext<Query> {
  readonly form: Form;
  /** New for each form that was shown; the same where one was sent twice. */
  readonly key: string;
  readonly operator: Logins;
  /** Runs actions that take longer than a page. */
  readonly runner: Pick<ActionRunner, "begin" | "goOn">;
}

export interface PageRoute<Query extends Fields, Model> {
  readonly kind: "page";
  /** Such as `/queues/{queue}/{source}`. */
  readonly path: string;
  readonly right: Right;
  readonly section: Section;
  readonly query: Query;
  readonly title: (model: Model, params: Params) => string;
  /** Asks the databases, and leaves out what the viewer may not see: what it returns is what the page may show. */
  readonly read: (context: ReadContext<ValuesOf<Query>>) => Promise<Model>;
  readonly page: (model: Model) => VNode;
  /** The words after `centralcloud` that show the same in a terminal. */
  readonly command?: (given: CommandGiven<ValuesOf<Query>>) => readonly string[];
  /** When the oldest of its figures was read; default: just now. */
  readonly asOf?: (model: Model) => Date | undefined;
  /** Whether it is looked at while it changes: it is loaded again every few seconds. */
  readonly isLive?: boolean;
}

export interface CommandGiven<Query> {
  readonly params: Params;
  readonly query: Query;
  /** What was given for each name, as it was given. */
  readonly given: ReadonlyMap<string, readonly string[]>;
}

/** What came of a form. */
export type Outcome =
  | { readonly seeOther: string }
  | { readonly status: number; readonly title: string; readonly body: VNode };

export interface FormRoute<Query extends Fields, Form extends Fields> {
  readonly kind: "form";
  readonly path: string;
  readonly right: Right;
  readonly section: Section;
  readonly query: Query;
  readonly form: Form;
  readonly act: (context: ActContext<ValuesOf<Form>, ValuesOf<Query>>) => Promise<Outcome>;
  /** Shows the form again where what was given has mistakes, with what was given; default: a page that lists them. */
  readonly refused?: (
    given: ReadonlyMap<string, readonly string[]>,
    mistakes: readonly string[],
    context: ReadContext<ValuesOf<Query>>,
  ) => Promise<{ readonly title: string; readonly body: VNode }>;
}

/** What is loaded as a file, such as an export. */
export interface Download {
  readonly type: "application/json" | "application/x-ndjson" | "text/plain; charset=utf-8";
  /** Given: the browser saves it under this name. */
  readonly fileName?: string;
  readonly body: string | Readable;
}

export interface DownloadRoute<Query extends Fields> {
  readonly kind: "download";
  readonly path: string;
  readonly right: Right;
  readonly query: Query;
  readonly read: (context: ReadContext<ValuesOf<Query>>) => Promise<Download>;
}

/* A list of routes has queries, forms and models of many types, which only they themselves use. */
// biome-ignore lint/suspicious/noExplicitAny: see above.
export type AnyPage = PageRoute<any, any>;
// biome-ignore lint/suspicious/noExplicitAny: see above.
export type AnyForm = FormRoute<any, any>;
// biome-ignore lint/suspicious/noExplicitAny: see above.
export type AnyDownload = DownloadRoute<any>;

export type Route = AnyPage | AnyForm | AnyDownload;

/** Declares a page; only infers types. */
export function page<Query extends Fields, Model>(
  route: Omit<PageRoute<Query, Model>, "kind">,
): PageRoute<Query, Model> {
  return { kind: "page", ...route };
}

/** Declares what a form does. */
export function form<Query extends Fields, Form extends Fields>(
  route: Omit<FormRoute<Query, Form>, "kind">,
): FormRoute<Query, Form> {
  return { kind: "form", ...route };
}

/** Declares a file to load. */
export function download<Query extends Fields>(
  route: Omit<DownloadRoute<Query>, "kind">,
): DownloadRoute<Query> {
  return { kind: "download", ...route };
}

export function methodOf(route: Route): "GET" | "POST" {
  return route.kind === "form" ? "POST" : "GET";
}

/** What a URL names is not there, or not any more. */
export class NotFoundError extends Error {
  /** @param message in a sentence: what is not there, and where it may be found. */
  constructor(message: string) {
    super(message);
    this.name = "NotFoundError";
  }
}
