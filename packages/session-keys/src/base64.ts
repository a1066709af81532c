/** The bytes, or undefined for what is not base64; Node's own decoder skips what it does not know. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const plain = text.replace(/\s+/g, "");
  return /^[A-Za-z0-9+/]*={0,2}$/.test(plain) && plain.length % 4 === 0
    ? new Uint8Array(Buffer.from(plain, "base64"))
    : undefined;
}
