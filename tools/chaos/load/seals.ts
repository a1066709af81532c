import type { SessionKey } from "@centralcloud/session-keys";
import sodium from "libsodium-wrappers";
import { Random } from "./random.ts";

/** Sealed session states, made beforehand, and the key that opens them. */
export interface Seals {
  /** What a consumer is given to open them. */
  readonly key: SessionKey;
  /** The JSON text of one that opens. */
  pick(random: Random): string;
  /** The JSON text of one that does not: an unknown key or algorithm, damaged, or no session state. */
  pickUnreadable(random: Random): string;
}

const keyId = "chaos";
const prepared = 64;

/** The same seed gives the same key and the same bytes, which `crypto_box_seal` would not. */
export async function prepareSeals(seed: number): Promise<Seals> {
  await sodium.ready;
  const keysOf = (...purpose: readonly (string | number)[]) => {
    const material = sodium.crypto_generichash(32, purpose.join(" "), null);
    return sodium.crypto_box_seed_keypair(material);
  };
  const receiver = keysOf("receiver", seed);

  /** A sealed box as libsodium defines it, its ephemeral key and so its nonce following from the seed. */
  function seal(state: string, ordinal: number): string {
    const ephemeral = keysOf("ephemeral", seed, ordinal);
    const nonce = sodium.crypto_generichash(
      sodium.crypto_box_NONCEBYTES,
      Buffer.concat([ephemeral.publicKey, receiver.publicKey]),
      null,
    );
    const box = sodium.crypto_box_easy(state, nonce, receiver.publicKey, ephemeral.privateKey);
    return toBase64(Buffer.concat([ephemeral.publicKey, box]));
  }

  const data = Array.from({ length: prepared }, (_, ordinal) => {
    const step = new Random("sealed", seed, ordinal).integer(1, 999);
    return seal(`{"step":${step},"secret":"of session ${ordinal}"}`, ordinal);
  }) as [string, ...string[]];
  const noState = seal("[1,2,3]", prepared);

  return {
    key: {
      keyId,
      alg: "x25519-sealedbox",
      publicKey: toBase64(receiver.publicKey),
      privateKey: toBase64(receiver.privateKey),
      createdAt: "2025-10-25T00:00:00.000Z",
    },
    pick: (random) => write({ data: random.pick(data) }),
    pickUnreadable(random) {
      const some = random.pick(data);
      return random.pick([
        write({ data: some, key_id: "lost" }),
        write({ data: some, alg: "rot13" }),
        write({ data: `${some.slice(0, -8)}AAAAAAA=` }),
        write({ data: noState }),
      ]);
    },
  };
}

function write(changes: { data: string; alg?: string; key_id?: string }): string {
  return JSON.stringify({ alg: "x25519-sealedbox", key_id: keyId, ...changes });
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
