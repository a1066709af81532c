import type { IncomingMessage } from "node:http";
import { isIPv6 } from "node:net";

/**
 * The address that a request came from, for limits: behind proxies that are trusted, the one that they name. Of IPv6 it is
 * the network, since one person has all addresses of it.
 *
 * @param isProxy whether an address is that of a trusted proxy.
 */
export function clientAddress(
  {
    socket,
    headers,
  }: Pick<IncomingMessage, "headers"> & {
    readonly socket: Pick<IncomingMessage["socket"], "remoteAddress">;
  },
  isProxy: (address: string) => boolean,
): string {
  let address = socket.remoteAddress ?? "";
  const named = String(headers["x-forwarded-for"] ?? "").split(",");
  // The last was added by the proxy that we know, and each before it by whoever sent it there.
  while (named.length > 0 && isProxy(address)) {
    const before = named.pop()?.trim() ?? "";
    if (before === "") break;
    address = before;
  }
  return networkOf(address.replace(/^::ffff:(?=\d+\.)/i, ""));
}

/** The first 64 bits of an IPv6 address; any other as it is, cut to a length. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address.slice(0, 64);
  const [head = "", tail] = address.split("%")[0]?.toLowerCase().split("::") ?? [];
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  const groups = [...front, ...Array.from({ length: zeros }, () => "0"), ...back];
  return `${groups.slice(0, 4).join(":")}::/64`;
}
