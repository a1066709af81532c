/** The same server under another name: its IPv4 address as one number, which resolvers take for it. */
export function aliasOf(url: string): string {
  const { hostname } = new URL(url);
  const number = hostname.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return url.replace(hostname, `${number}`);
}
