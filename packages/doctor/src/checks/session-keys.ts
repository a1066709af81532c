import { type CheckedDatabase, readRow } from "../check.ts";
import { type CheckResult, error, ok, warning } from "../finding.ts";

/** Which extension seals for which kind of key, and by which function. */
const sealers = {
  openpgp: {
    extension: "pgcrypto",
    functionNames: ["pgp_pub_encrypt_bytea", "pgp_sym_encrypt_bytea", "hmac", "gen_random_bytes"],
  },
  "x25519-sealedbox": { extension: "pgsodium", functionNames: ["crypto_box_seal"] },
} as const;

const makeKey =
  "centralcloud keys generate --key-id NAME --out FILE, give FILE to the consumers, " +
  "then: centralcloud keys add --from FILE --activate";

export async function checkSessionKeys(database: CheckedDatabase): Promise<CheckResult[]> {
  const active = (await database.keys()).filter((key) => key.active);
  const [key, ...others] = active;
  if (key === undefined) {
    return [warning("no session key is active: sessions are kept here and not queued", makeKey)];
  }
  if (others.length > 0) {
    const message = `${active.length} session keys are active: sessions are sealed for any of them`;
    return [error(message, "centralcloud keys add --from FILE --activate, for one of them")];
  }
  const sealer = Object.entries(sealers).find(([algorithm]) => algorithm === key.algorithm)?.[1];
  if (sealer === undefined) {
    return [error(`key ${key.keyId} is of an unknown algorithm, ${key.algorithm}`, makeKey)];
  }
  const checkResult = await checkSealer(database, key.keyId, sealer);
  if (key.binds) return [checkResult];
  const message = `seals for key ${key.keyId} do not name their session, so one could be put in another's place`;
  return [
    checkResult,
    warning(message, "when no consumer of an older version is left: centralcloud keys bind"),
  ];
}

async function checkSealer(
  database: CheckedDatabase,
  keyId: string,
  { extension, functionNames }: (typeof sealers)[keyof typeof sealers],
): Promise<CheckResult> {
  const { client } = database;
  const sealed = ok(`sessions are sealed for key ${keyId}, by ${extension}`);
  // What is as it was made has the rights that were given.
  const isInstalled = (await database.extensions()).has(extension);
  if (isInstalled && (await database.state())?.isKnown) return sealed;
  const found = await readRow<{ installed: boolean; usable: boolean; sealer: string }>(
    client,
    `select bool_or(e.oid is not null) as installed, s.role::regrole::text as sealer,
            coalesce(bool_and(has_function_privilege(s.role, p.oid, 'execute')
                             and has_schema_privilege(s.role, p.pronamespace, 'usage')), false) as usable
       from (select f.proowner as role from pg_proc f
              where f.oid = to_regprocedure('public.queue_agent_sessions(uuid[])')) s
       left join pg_extension e on e.extname = $1
       left join pg_proc p on p.proname = any ($2) and p.pronamespace = e.extnamespace
      group by s.role`,
    [extension, functionNames],
  );
  if (!found.installed) {
    return error(
      `key ${keyId} needs ${extension}, which is not installed: no session can be sealed`,
      `create extension ${extension}; or, with a key of another algorithm: ${makeKey}`,
    );
  }
  if (!found.usable) {
    const message = `${found.sealer} may not call ${functionNames.join(", ")} of ${extension}: no session can be sealed`;
    return error(message, "as a superuser: centralcloud migrate --only singularity");
  }
  return sealed;
}
