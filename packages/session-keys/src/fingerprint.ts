import { createHash } from "node:crypto";

/** Names a public key, in the style of SSH: the SHA-256 of its bytes. */
export function fingerprintOf(publicKey: Uint8Array): string {
  const hash = createHash("sha256").update(publicKey).digest("base64");
  return `SHA256:${hash.replace(/=+$/, "")}`;
}
