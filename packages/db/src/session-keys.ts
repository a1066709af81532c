import type { Pool } from "pg";

/** A public key as a source is given it. */
export interface PublicSessionKey {
  readonly keyId: string;
  readonly algorithm: string;
  readonly publicKey: Uint8Array;
}

/** A public key as a source holds it. Times are ISO 8601. */
export interface KnownSessionKey {
  readonly keyId: string;
  readonly algorithm: string;
  /** `SHA256:` and the hash of the public key in base64. */
  readonly fingerprint: string;
  /** Whether sessions are sealed for it; at most one is. */
  readonly active: boolean;
  readonly createdAt: string;
  readonly retiredAt: string | null;
}

/** Adds a key, or finds it there; rejects when its id is another's or it can't be sealed for. */
export async function addSessionKey(
  source: Pool,
  { keyId, algorithm, publicKey }: PublicSessionKey,
  options: { readonly activate: boolean },
): Promise<void> {
  await source.query(
    `select public.add_session_key(
       p_key_id => $1, p_algorithm => $2, p_public_key => $3, p_activate => $4)`,
    [keyId, algorithm, publicKey, options.activate],
  );
}

/** All keys, the oldest first. */
export async function readSessionKeys(source: Pool): Promise<readonly KnownSessionKey[]> {
  const { rows } = await source.query<KnownSessionKey>(
    `select k.key_id as "keyId", k.algorithm, k.active,
            'SHA256:' || rtrim(encode(sha256(k.public_key), 'base64'), '=') as fingerprint,
            to_jsonb(k.created_at) #>> '{}' as "createdAt",
            to_jsonb(k.retired_at) #>> '{}' as "retiredAt"
       from public.session_keys k
      order by k.created_at, k.key_id`,
  );
  return rows;
}

/** Whether a source can seal by libsodium's sealed boxes. */
export async function hasPgsodium(source: Pool): Promise<boolean> {
  const { rows } = await source.query<{ found: boolean }>(
    "select exists (select from pg_extension where extname = 'pgsodium') as found",
  );
  return rows[0]?.found ?? false;
}
