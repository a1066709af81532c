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
  /** Whether seals for it name their session; false where older consumers may have to open them. */
  readonly binds: boolean;
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

/** Adds a key, or finds it there, and activates it where no key has ever been active. */
export async function ensureSessionKey(
  source: Pool,
  { keyId, algorithm, publicKey }: PublicSessionKey,
): Promise<void> {
  const client = await source.connect();
  try {
    await client.query("begin");
    // Nobody activates another key meanwhile. Sealing only reads.
    await client.query("lock table public.session_keys in share row exclusive mode");
    await client.query(
      `select public.add_session_key(
         p_key_id => $1, p_algorithm => $2, p_public_key => $3,
         p_activate => not exists (
           select from public.session_keys k where k.active or k.retired_at is not null))`,
      [keyId, algorithm, publicKey],
    );
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

/** From now on seals for any key name their session. Gives the keys whose seals did not. */
export async function bindSessionKeys(source: Pool): Promise<readonly string[]> {
  const { rows } = await source.query<{ keyId: string }>(
    `update public.session_keys k set binds = true where not k.binds returning k.key_id as "keyId"`,
  );
  return rows.map(({ keyId }) => keyId);
}

/** All keys, the oldest first. */
export async function readSessionKeys(
  source: Pick<Pool, "query">,
): Promise<readonly KnownSessionKey[]> {
  const { rows } = await source.query<KnownSessionKey>(
    `select k.key_id as "keyId", k.algorithm, k.active, k.binds,
            'SHA256:' || rtrim(encode(sha256(k.public_key), 'base64'), '=') as fingerprint,
            to_char(k.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "createdAt",
            to_char(k.retired_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "retiredAt"
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
