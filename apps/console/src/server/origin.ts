import type { IncomingMessage } from "node:http";
import { isLoopback } from "../configuration.ts";

/** Host name and port as a `Host` header has them, in lower case; undefined where it is none. */
function hostOf(request: IncomingMessage): URL | undefined {
  const { host } = request.headers;
  if (host === undefined || /[^\w.:[\]-]/.test(host)) return undefined;
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : undefined;
}

/**
 * Whether a request was meant for us. A page elsewhere can have a name of its own lead to this machine (DNS rebinding),
 * and its requests say that name.
 */
export function isOurHost(
  request: IncomingMessage,
  { mode, publicUrl }: { readonly mode: string; readonly publicUrl: URL | undefined },
): boolean {
  const host = hostOf(request);
  if (host === undefined) return false;
  const name = host.hostname.replace(/^\[(.*)\]$/, "$1");
  if (mode === "loopback" && isLoopback(name)) return true;
  if (publicUrl !== undefined) return host.host === publicUrl.host;
  return mode !== "loopback";
}

/**
 * Whether a request that changes something comes from a page of ours. Browsers say so themselves; those that do not,
 * since they reach us by plain http and an address, say their page's origin instead.
 */
export function isOwnPost(request: IncomingMessage, publicUrl: URL | undefined): boolean {
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin";
  const { origin } = request.headers;
  if (origin === undefined || !URL.canParse(origin)) return false;
  if (publicUrl !== undefined && origin === publicUrl.origin) return true;
  return new URL(origin).host === hostOf(request)?.host;
}

/** Whether another site's page loads something of ours into itself. To follow a link from there is fine. */
export function isForeignLoad(request: IncomingMessage): boolean {
  const site = request.headers["sec-fetch-site"];
  const isForeign = site === "cross-site" || site === "same-site";
  return isForeign && request.headers["sec-fetch-mode"] !== "navigate";
}

/** Whether somebody followed a link of another site's page: the browser then keeps a strict cookie to itself. */
export function isForeignLink(request: IncomingMessage): boolean {
  const site = request.headers["sec-fetch-site"];
  return site === "cross-site" || site === "same-site";
}
