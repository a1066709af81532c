import {
  createKeyRing,
  generateKey,
  openState,
  type Sealed,
  type SessionIdentity,
  type SessionKey,
} from "@centralcloud/session-keys";
import sodium from "libsodium-wrappers";

const state = JSON.stringify({ step: 1, text: "x".repeat(256) });

const identity: SessionIdentity = {
  source: "00000000-0000-4000-8000-000000000001",
  agent: "agent-1",
  session: "00000000-0000-4000-8000-000000000002",
  version: "2026-11-01T00:00:00.000000Z",
};

/**
 * What trying one seal takes, in microseconds, one after the other in one thread: one that a source made by
 * OpenPGP, and a sealed box.
 */
export async function measureSeals(
  seals: number,
  openPgp: { key: SessionKey; sealed: Sealed; identity: SessionIdentity },
) {
  const boxKey = await generateKey({ alg: "x25519-sealedbox", keyId: "capacity" });
  await sodium.ready;
  const box = sodium.crypto_box_seal(
    `${JSON.stringify(identity)}\n${state}`,
    Buffer.from(boxKey.publicKey, "base64"),
  );
  const sealed: Sealed = {
    alg: boxKey.alg,
    key_id: boxKey.keyId,
    data: Buffer.from(box).toString("base64"),
  };
  return {
    openpgpUs: await timeOpening(openPgp, seals),
    sealedBoxUs: await timeOpening({ key: boxKey, sealed, identity }, seals),
  };
}

async function timeOpening(
  { key, sealed, identity }: { key: SessionKey; sealed: Sealed; identity: SessionIdentity },
  seals: number,
): Promise<number> {
  const ring = await createKeyRing([key]);
  const open = async (count: number) => {
    for (let number = 0; number < count; number++) await openState(ring, sealed, identity);
  };
  // Compiled before it is timed.
  await open(Math.ceil(seals / 10));
  const before = process.cpuUsage();
  await open(seals);
  const { user, system } = process.cpuUsage(before);
  return Number(((user + system) / seals).toPrecision(3));
}
