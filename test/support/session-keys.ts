import {
  createKeyRing,
  generateKey,
  type Sealed,
  type SessionKey,
} from "@centralcloud/session-keys";
import type { TestDatabase } from "./databases.ts";

/** Makes a key, and its public part known to a source, as `centralcloud keys add` does. */
export async function addNewKey(
  { pool }: TestDatabase,
  keyId: string,
  options: { readonly activate: boolean },
): Promise<SessionKey> {
  const key = await generateKey({ alg: "openpgp", keyId });
  await pool.query("select public.add_session_key($1, $2, $3, $4)", [
    keyId,
    key.alg,
    await publicBytesOf(key),
    options.activate,
  ]);
  return key;
}

/** The public key as the databases keep it. */
export async function publicBytesOf(key: SessionKey): Promise<Uint8Array> {
  const [part] = (await createKeyRing([key])).keys;
  return part?.publicKey ?? new Uint8Array();
}

/** @param state JSON text */
export async function sealState({ pool }: TestDatabase, state: string): Promise<Sealed> {
  const { rows } = await pool.query<{ sealed: Sealed }>(
    "select public.seal_session_state($1::jsonb) as sealed",
    [state],
  );
  return rows[0]?.sealed as Sealed;
}

let counter = 0;

/** The JSON text of a session message; each call is about another session, unless it is given. */
export function sessionMessage(changes: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    agent_id: "agent-1",
    session_id: `session-${counter++}`,
    confidence: 0.8,
    synced_at: "2025-10-25T10:00:00.000001Z",
    ...changes,
  });
}
