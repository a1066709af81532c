/** The same server under another name: a host name's address, or an IPv4 address as one number, which resolvers take for it. */
export function aliasOf(url: string): string {
  const { hostname } = new URL(url);
  return url.replace(hostname, otherNameOf(hostname));
}

function otherNameOf(hostname: string): string {
  if (hostname === "localhost") return "127.0.0.1";
  const parts = hostname.split(".").map(Number);
  if (parts.length !== 4 || parts.some(Number.isNaN)) {
    throw new Error(`no other name is known for the host ${hostname}`);
  }
  return String(parts.reduce((sum, part) => sum * 256 + part, 0));
}
