import { BlockList, isIP } from "node:net";

/**
 * Reads networks such as `10.1.0.0/16, 2001:db8::/32, 127.0.0.1`, separated by commas or blanks.
 *
 * @returns whether an address of a socket is in one of them.
 */
export function parseNetworks(
  name: string,
  text: string,
  mistakes: string[],
): (address: string) => boolean {
  const list = new BlockList();
  for (const network of text.split(/[\s,]+/).filter((part) => part !== "")) {
    const [address = "", bits, ...rest] = network.split("/");
    const version = isIP(address);
    const most = version === 4 ? 32 : 128;
    const length = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
    if (version === 0 || rest.length > 0 || length < 0 || length > most) {
      mistakes.push(`${name}: ${JSON.stringify(network)} is no network like 10.1.0.0/16`);
    } else if (length === 0) {
      mistakes.push(`${name}: ${network} is every address there is; name that of the proxy`);
    } else list.addSubnet(address, length, version === 4 ? "ipv4" : "ipv6");
  }
  return (address) => {
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
    const version = isIP(plain);
    return version !== 0 && list.check(plain, version === 4 ? "ipv4" : "ipv6");
  };
}
