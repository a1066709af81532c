import { type LiveReplica, lackingReplicas, readLiveReplicas } from "@centralcloud/central";
import type { KnownSessionKey } from "@centralcloud/session-keys";
import type { CheckedDatabase, DatabaseCheckResult, DatabaseFact } from "../check.ts";
import { type CheckResult, error, ok } from "../finding.ts";

/** The replicas of a central store, or the keys of a source. */
export interface KeyFact {
  readonly replicas: readonly LiveReplica[];
  readonly keys: readonly KnownSessionKey[];
}

export async function gatherKeys({ client, side, keys }: CheckedDatabase): Promise<KeyFact> {
  if (side === "central") return { replicas: await readLiveReplicas(client), keys: [] };
  return { replicas: [], keys: await keys() };
}

/** Sessions are sealed for the active key of their source; each consumer at work has to hold it. */
export function compareHeldKeys(
  facts: readonly DatabaseFact<KeyFact>[],
): readonly DatabaseCheckResult[] {
  const replicas = facts.flatMap(({ fact }) => fact.replicas);
  // An older version does not say; it is replaced before long, and may well hold the key.
  const telling = replicas.filter(({ heldKeys }) => heldKeys !== null);
  if (telling.length === 0) return [];
  const silent = replicas.length - telling.length;
  const untold = silent === 0 ? "" : ` (but ${silent} of an older version, which can't say)`;
  return facts.flatMap(({ database, fact }) => {
    const active = fact.keys.find((key) => key.active);
    return active === undefined ? [] : [{ database, checkResult: judge(active, telling, untold) }];
  });
}

function judge(
  active: KnownSessionKey,
  telling: readonly LiveReplica[],
  untold: string,
): CheckResult {
  const { keyId } = active;
  const lacking = lackingReplicas(telling, { ...active, binds: false });
  if (lacking.length > 0) {
    return error(
      `sessions are sealed for the key ${keyId}, which these consumers do not hold: ${names(lacking)}`,
      "centralcloud keys add-to-ring with their key rings, and restart them; then: " +
        "centralcloud dlq replay --code key_not_held",
    );
  }
  const tooOld = lackingReplicas(telling, active);
  if (tooOld.length > 0) {
    return error(
      `seals for the key ${keyId} name their session, and these consumers are too old to open such: ${names(tooOld)}`,
      "replace them by this version; then: centralcloud dlq replay --dead-letter-reason unreadable",
    );
  }
  return ok(`every consumer${untold} holds the key ${keyId}, for which sessions are sealed`);
}

function names(replicas: readonly LiveReplica[]): string {
  return replicas.map(({ id, host }) => `${id} on ${host}`).join(", ");
}
