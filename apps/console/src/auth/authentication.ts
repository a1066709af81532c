import type { IncomingMessage, ServerResponse } from "node:http";
import type { VNode } from "preact";
import type { Viewer } from "./rights.ts";

/** Somebody whose request it is. */
export interface Identified {
  readonly viewer: Viewer;
  /** Tells this sign-in from others, for limits and for forms that are sent twice. */
  readonly session: string;
}

/** What a request below `/login` gets. */
export type SignInAnswer =
  | { readonly seeOther: string }
  | { readonly status: number; readonly title: string; readonly body: VNode };

export interface SignInRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** `/login`, or something below it. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** What was sent; undefined for GET. */
  readonly form: URLSearchParams | undefined;
  /** Whose tries are counted together. */
  readonly address: string;
}

/** One way to know who asks. */
export interface Authentication {
  /** Undefined where nobody is signed in; `refused` where the request must not be answered, and why. */
  identify(request: IncomingMessage): Identified | { readonly refused: string } | undefined;
  /** What is shown to whoever is not signed in. @param to where he wanted to go. */
  invite(to: string): VNode;
  /** Answers below `/login`; undefined where there is nothing. */
  signIn(request: SignInRequest): Promise<SignInAnswer | undefined>;
  /** Ends a session; where to go then. */
  signOut(request: IncomingMessage, response: ServerResponse): void;
}

/** Something of the sign-in, for the log; never a secret. */
export interface SignInEvent {
  readonly name: string | undefined;
  readonly ok: boolean;
  readonly reason?: string;
}

/** A path of ours to go to; `/` for anything else, so that nobody is sent to another site. */
export function ownPath(text: string | null | undefined): string {
  return text && /^\/(?![/\\])[^\\\s]*$/.test(text) && !text.startsWith("/login") ? text : "/";
}
