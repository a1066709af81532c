import sodium from "libsodium-wrappers";
import { createMessage, encrypt, readKey } from "openpgp";
import type { KeyRing, Sealed, SessionKey } from "../src/index.ts";

/** Seals as the databases do, and as one would without them: by the public key alone. */
export async function seal(key: SessionKey, bytes: Uint8Array): Promise<Sealed> {
  const data = key.alg === "openpgp" ? await sealOpenPgp(key, bytes) : await sealBox(key, bytes);
  return { alg: key.alg, key_id: key.keyId, data: Buffer.from(data).toString("base64") };
}

async function sealOpenPgp({ publicKey }: SessionKey, binary: Uint8Array): Promise<Uint8Array> {
  const encryptionKeys = await readKey({ armoredKey: publicKey });
  const message = await createMessage({ binary });
  return (await encrypt({ message, encryptionKeys, format: "binary" })) as Uint8Array;
}

async function sealBox({ publicKey }: SessionKey, bytes: Uint8Array): Promise<Uint8Array> {
  await sodium.ready;
  return sodium.crypto_box_seal(bytes, Buffer.from(publicKey, "base64"));
}

export async function openText(keyRing: KeyRing, sealed: Sealed): Promise<string> {
  return Buffer.from(await keyRing.open(sealed)).toString("utf8");
}
