import { type LiveReplica, lackingReplicas, readLiveReplicas } from "@centralcloud/central";
import { databaseVariables } from "@centralcloud/consumer";
import { DatabaseUnreachableError, withClient } from "@centralcloud/postgres";
import {
  ConfigurationError,
  type Environment,
  parseConfiguration,
  printable,
} from "@centralcloud/service";
import type { PublicPart } from "@centralcloud/session-keys";
import { warn } from "../../output.ts";
import { isOutOfReach, type Silence } from "../../sources.ts";

/**
 * Refuses to activate a key that a consumer at work does not hold: it would dead-letter each session from then on.
 *
 * @throws {ConfigurationError} where no central store is configured. {@link DatabaseUnreachableError}
 */
export async function assertHeld(
  environment: Environment,
  key: Pick<PublicPart, "keyId" | "fingerprint"> & { readonly binds: boolean },
  { force }: { readonly force: boolean },
): Promise<void> {
  const replicas = await readConsumers(environment).catch((error: unknown) => {
    if (!force) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    warn(`whether the consumers hold the key is not known: ${printable(reason)}`);
    return [];
  });
  const lacking = lackingReplicas(replicas, key);
  if (lacking.length === 0) return;
  const lines = lacking.map((replica) => `  ${describeLack(replica, key)}`);
  const problem = `${key.keyId} is not held by every consumer at work:\n${lines.join("\n")}`;
  if (force) return warn(problem);
  throw new Error(
    `${problem}\nNothing was done. Add the key to their key rings (keys add-to-ring) and restart them, or say --force: ` +
      "then these consumers dead-letter each session that is sealed from now on.",
  );
}

function describeLack(
  { id, host, version, heldKeys }: LiveReplica,
  { keyId, fingerprint }: Pick<PublicPart, "keyId" | "fingerprint">,
): string {
  const name = `${id} on ${printable(host)}`;
  if (heldKeys === null) return `${name} does not say which keys it holds (${printable(version)})`;
  if (heldKeys[keyId] !== fingerprint) return `${name} lacks it`;
  return `${name} does not open seals that name their session (${printable(version)})`;
}

/**
 * Refuses to let seals name their session while a consumer at work can't open such ones.
 *
 * @throws {ConfigurationError} where no central store is configured. {@link DatabaseUnreachableError}
 */
export async function assertOpenBoundSeals(environment: Environment): Promise<void> {
  const older = (await readConsumers(environment)).filter((replica) => !replica.opensBoundSeals);
  if (older.length === 0) return;
  const lines = older.map(({ id, host, version }) => {
    return `  ${id} on ${printable(host)} (${printable(version)})`;
  });
  throw new Error(
    `these consumers do not open seals that name their session:\n${lines.join("\n")}\n` +
      "Nothing was done. Replace them by this version first.",
  );
}

/** The consumers at work; null where they can't be asked. */
export async function askConsumers(environment: Environment): Promise<{
  readonly replicas: readonly LiveReplica[] | null;
  readonly unreachable: readonly Silence[];
}> {
  try {
    return { replicas: await readConsumers(environment), unreachable: [] };
  } catch (error) {
    // Looking at sources does not take a central store.
    if (error instanceof ConfigurationError) return { replicas: null, unreachable: [] };
    if (!(error instanceof DatabaseUnreachableError)) throw error;
    const { database: source, reason } = error;
    return { replicas: null, unreachable: [{ source, reason }] };
  }
}

async function readConsumers(environment: Environment): Promise<readonly LiveReplica[]> {
  const { CENTRAL_DATABASE_URL } = databaseVariables;
  const { CENTRAL_DATABASE_URL: url } = parseConfiguration({ CENTRAL_DATABASE_URL }, environment);
  const options = { applicationName: "centralcloud-cli", queryTimeoutMs: 10_000 };
  return await withClient(url, options, readLiveReplicas).catch((error: unknown) => {
    throw isOutOfReach(error) ? new DatabaseUnreachableError(url, error) : error;
  });
}
