import type { KeyObject } from "node:crypto";
import type { PrivateKey } from "openpgp";
import { type KeyPair, type Opener, UnusableKeyError } from "./opener.ts";
import { decryptSessionKey, type RsaNumbers, rsaPrivateKey } from "./rsa.ts";

/*
 * OpenPGP as pgcrypto's pgp_pub_encrypt_bytea writes it. The library is loaded when it is first
 * needed: that takes a tenth of a second.
 */

/** pgcrypto has no elliptic curves; NIST SP 800-57 holds 3072 bits of RSA for good beyond 2030. */
const rsaBits = 3072;

/** A compressed state that is larger than this when unpacked does not open, in bytes: its JSON takes 21 times as many. */
const largestState = 8 * 1024 * 1024;

/** Both keys armored; the private one without a passphrase, so its file is the secret. */
export async function generateOpenPgpKey(keyId: string): Promise<KeyPair> {
  const { generateKey } = await import("openpgp");
  const userIDs = [{ name: `CentralCloud session key ${keyId}` }];
  return await generateKey({ type: "rsa", rsaBits, userIDs, format: "armored" });
}

/** @throws {UnusableKeyError} */
export async function readOpenPgpKey(keys: KeyPair): Promise<Opener> {
  const openpgp = await import("openpgp");
  const privateKey = await openpgp.readPrivateKey({ armoredKey: keys.privateKey }).catch(() => {
    throw new UnusableKeyError("private_key must be one armored OpenPGP private key");
  });
  const publicKey = await openpgp.readKey({ armoredKey: keys.publicKey }).catch(() => {
    throw new UnusableKeyError("public_key must be one armored OpenPGP public key");
  });
  if (publicKey.isPrivate()) throw new UnusableKeyError("public_key holds a private key");
  if (publicKey.getFingerprint() !== privateKey.getFingerprint()) {
    throw new UnusableKeyError("public_key and private_key do not belong together");
  }
  const rsaKeys = readRsaKeys(privateKey, openpgp.enums.publicKey.rsaEncryptSign);

  return {
    publicKey: publicKey.write(),
    async open(data) {
      const message = await openpgp.readMessage({ binaryMessage: data });
      const recipients = message.packets.filterByTag(
        openpgp.enums.packet.publicKeyEncryptedSessionKey,
      );
      // Each costs milliseconds, and all is tried with each: thousands would hold up the seals of all sources.
      if (recipients.length > mostRecipients) throw new Error("it is sealed for too many keys");
      const sessionKeys = recipients
        .flatMap((packet) => decryptPacket(packet.write(), rsaKeys))
        .map((sessionKey) => ({ data: sessionKey, algorithm: "aes256" as const }));
      const { data: state } = await openpgp.decrypt({
        message,
        sessionKeys,
        format: "binary",
        config: { maxDecompressedMessageSize: largestState },
      });
      return state;
    },
  };
}

/** A seal of ours has one; a tool may add a few. */
const mostRecipients = 8;

/** The RSA keys of a key and its subkeys, each under its key id (16 hexadecimal digits). */
function readRsaKeys(privateKey: PrivateKey, rsa: number): ReadonlyMap<string, KeyObject> {
  if (!privateKey.isDecrypted()) {
    throw new UnusableKeyError("private_key has a passphrase; store it without one");
  }
  const keys = new Map<string, KeyObject>();
  for (const { keyPacket } of privateKey.getKeys()) {
    if (keyPacket.algorithm !== rsa) continue;
    const { publicParams, privateParams } = keyPacket as {
      publicParams: object;
      privateParams?: object | null;
    };
    const numbers = { ...publicParams, ...privateParams } as RsaNumbers;
    keys.set(keyPacket.getKeyID().toHex(), rsaPrivateKey(numbers));
  }
  if (keys.size === 0) throw new UnusableKeyError("private_key has no RSA key to open seals with");
  return keys;
}

/** Version, key id, algorithm, then a number with its length in bits (RFC 9580, section 5.1.1). */
function decryptPacket(packet: Uint8Array, keys: ReadonlyMap<string, KeyObject>): Uint8Array[] {
  const key = keys.get(Buffer.from(packet.subarray(1, 9)).toString("hex"));
  const version = packet[0];
  return key === undefined || version !== 3 ? [] : [decryptSessionKey(key, packet.subarray(12))];
}
