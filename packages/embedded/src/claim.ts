import { randomBytes } from "node:crypto";
import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DataDirectoryInUseError, EmbeddedPostgresError } from "./errors.ts";
import { identityOf, type ProcessIdentity, unknownIdentity } from "./processes.ts";

/** Who has a data directory: one small file in it, named after the process that wrote it. */
interface ClaimRecord {
  readonly pid: number;
  readonly identity: ProcessIdentity;
  /** For people: the program that wanted the directory. */
  readonly holder: string;
  readonly since: string;
}

interface WrittenClaim {
  readonly name: string;
  readonly record: ClaimRecord | undefined;
}

export interface Claim {
  release(): Promise<void>;
}

/**
 * Takes the directory for this process, or fails with {@link DataDirectoryInUseError}.
 *
 * Node has no file locks, and a lock file that is claimed from a dead process always has a
 * moment in which two takers remove each other's. So nobody takes anything over: everyone first
 * writes a file of his own under a name used once, then looks for others. Of two that come at the
 * same time at least one sees the other, so both can never hold it; whoever sees a live other
 * withdraws and tries again a little later. Files of dead processes are deleted by anyone.
 *
 * Limit: ids of processes in another container mean nothing here, so a directory that two running
 * containers share is not protected.
 */
export async function claimDirectory(directory: string, holder: string): Promise<Claim> {
  const identity = identityOf(process.pid) ?? unknownIdentity;
  const record: ClaimRecord = {
    pid: process.pid,
    identity,
    holder,
    since: new Date().toISOString(),
  };

  let lastRival: string | undefined;
  for (let attempt = 1; ; attempt++) {
    const name = `claim-${process.pid}-${randomBytes(6).toString("hex")}.json`;
    const path = join(directory, name);
    await writeFile(`${path}.new`, JSON.stringify(record)).catch(explainRefusal(directory));
    await rename(`${path}.new`, path);

    const claims = await readClaims(directory);
    const others = claims.filter((claim) => claim.name !== name);
    for (const { name } of others.filter((claim) => stateOf(claim.record) !== "live")) {
      await rm(join(directory, name), { force: true });
    }
    const rival = others.find((claim) => stateOf(claim.record) === "live");
    // Our own file is missing when the directory was being removed while we came.
    const isWritten = claims.length > others.length;
    if (!rival && isWritten) return { release: () => rm(path, { force: true }) };

    await rm(path, { force: true });
    // Who comes at the same time withdraws too, and has another name the next time.
    if (attempt === 10 || (rival && rival.name === lastRival)) {
      throw inUse(directory, rival?.record);
    }
    lastRival = rival?.name;
    await delay(50 + Math.random() * 100);
  }
}

function explainRefusal(directory: string) {
  return async (cause: NodeJS.ErrnoException) => {
    if (!["EACCES", "EPERM", "EROFS"].includes(cause.code ?? "")) throw cause;
    const { uid } = await stat(directory);
    throw new EmbeddedPostgresError(
      "data_directory_not_accessible",
      `The data directory ${directory} belongs to the user with id ${uid} and can't be written by this one. Run this as that user, or choose another directory.`,
      { cause },
    );
  };
}

/** Whether a directory was claimed once and is certainly nobody's now. */
export async function isAbandoned(directory: string): Promise<boolean> {
  const claims = await readClaims(directory);
  return claims.length > 0 && claims.every(({ record }) => stateOf(record) === "dead");
}

async function readClaims(directory: string): Promise<WrittenClaim[]> {
  const claims: WrittenClaim[] = [];
  for (const name of await readdir(directory)) {
    if (!/^claim-.*\.json$/.test(name)) continue;
    // Gone in the meantime: its owner has released it.
    const text = await readFile(join(directory, name), "utf8").catch(() => undefined);
    if (text !== undefined) claims.push({ name, record: parseRecord(text) });
  }
  return claims;
}

/** A power cut may leave an empty file, and no process behind it. */
function parseRecord(text: string): ClaimRecord | undefined {
  try {
    return JSON.parse(text) as ClaimRecord;
  } catch {
    return undefined;
  }
}

function stateOf(record: ClaimRecord | undefined): "live" | "dead" | "unknowable" {
  if (!record) return "dead";
  const { pid, identity } = record;
  const here = identityOf(process.pid);
  if (here && here.boot === identity.boot && here.namespace !== identity.namespace) {
    return "unknowable";
  }
  const now = identityOf(pid);
  return now && now.started === identity.started && now.boot === identity.boot ? "live" : "dead";
}

function inUse(directory: string, holder: ClaimRecord | undefined): DataDirectoryInUseError {
  const who = holder
    ? `${holder.holder}, since ${holder.since} (its watchdog is process ${holder.pid})`
    : "another process";
  return new DataDirectoryInUseError(
    `The data directory ${directory} is in use by ${who}. Stop that one first, or choose another directory.`,
  );
}
