import {
  createKeyRing,
  generateKey,
  type KeyRing,
  type OpenedState,
  openState,
  type Sealed,
  type SessionIdentity,
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

/** Which session a seal is for, at the source that seals it. */
export type SessionOfSource = Omit<SessionIdentity, "source">;

/** Where it does not matter whose a state is. */
export const anySession = {
  agent: "agent-1",
  session: "session-1",
  version: "2025-10-25T10:00:00.000001Z",
} satisfies SessionOfSource;

/**
 * Seals as the source does.
 *
 * @param state JSON text
 */
export async function sealSession(
  { pool }: TestDatabase,
  state: string,
  { agent, session, version }: SessionOfSource = anySession,
): Promise<Sealed> {
  const { rows } = await pool.query<{ sealed: Sealed }>(
    "select (public.seal_session_states(array[$1], array[$2], array[$3::timestamptz], array[$4::jsonb]))[1] as sealed",
    [agent, session, version, state],
  );
  return rows[0]?.sealed as Sealed;
}

/** Opens what a source sealed for one of its sessions. */
export async function openSession(
  { pool }: TestDatabase,
  keyRing: KeyRing,
  sealed: Sealed,
  session: SessionOfSource = anySession,
): Promise<OpenedState> {
  const { rows } = await pool.query<{ source: string }>(
    "select source_id::text as source from public.singularity_source",
  );
  return await openState(keyRing, sealed, { source: rows[0]?.source ?? "", ...session });
}

/**
 * Seals as sources of older versions do: the seal does not say whose state it is.
 *
 * @param state JSON text
 */
export async function sealState({ pool }: TestDatabase, state: string): Promise<Sealed> {
  const { rows } = await pool.query<{ sealed: Sealed }>(
    `select jsonb_build_object(
              'alg', k.algorithm, 'key_id', k.key_id,
              'data', translate(encode(public.seal_bytes(k.algorithm, k.public_key,
                                                         convert_to($1::jsonb::text, 'UTF8')), 'base64'), e'\\n', '')
            ) as sealed
       from public.session_keys k where k.active`,
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
