import { codeOf, sqlState } from "@centralcloud/postgres";
import type { ClientBase } from "pg";

/** Our locks that a session has for as long as it lives: who takes one, and the advisory lock that versions before took. */
const heldLocks = {
  /** Who runs the jobs of a source; "ccsc" in ASCII. */
  "lead schedules": { function: "lead_schedules", formerKey: 0x63_63_73_63 },
  /** Who makes its slot; "ccsl" in ASCII. */
  "make slot": { function: "begin_slot", formerKey: 0x63_63_73_6c },
} as const;

/**
 * Takes a lock of a source for as long as the session lives, which no application can take or keep from us: see
 * sql/singularity/functions/hold_lock.sql. May be asked again.
 *
 * @returns who has it, in words, or undefined when we do.
 */
export async function holdLock(
  session: ClientBase,
  name: keyof typeof heldLocks,
): Promise<string | undefined> {
  const { function: take, formerKey } = heldLocks[name];
  try {
    const { rows } = await session.query<{ holder: string | null }>(
      `select public.${take}() as holder`,
    );
    return rows[0]?.holder ?? undefined;
  } catch (error) {
    if (codeOf(error) !== sqlState.undefinedFunction) throw error;
    // A source that is a version behind: as that version did.
    const { rows } = await session.query<{ locked: boolean }>(
      "select pg_try_advisory_lock($1) as locked",
      [formerKey],
    );
    return rows[0]?.locked ? undefined : "a session with the advisory lock of an older version";
  }
}

/** Somebody has a lock of ours, and had it for as long as we could wait. */
export class LockTakenError extends Error {
  readonly code = "lock_taken";
  constructor(what: string, waitedMs: number, holder: string) {
    super(
      `${what} is under way elsewhere and has not ended within ${waitedMs / 1_000} s: ${holder}. ` +
        "Nothing was changed; try again when that transaction has ended.",
    );
    this.name = "LockTakenError";
  }
}

/** Our locks that end with a transaction and that programs take. Functions of ours take others. */
type TransactionLock = "import dead letters" | "register schedules";

/** How long one is waited for, in milliseconds. */
const longestWaitMs = 10_000;

/**
 * Takes a lock of a source until the end of the transaction.
 *
 * @param transaction of a member of `centralcloud_owner`.
 * @param what continues where somebody has it, in words.
 * @throws {LockTakenError}
 */
export async function takeLock(
  transaction: ClientBase,
  name: TransactionLock,
  what: string,
): Promise<void> {
  const { rows } = await transaction.query<{ holder: string | null }>(
    "select public.take_lock($1, make_interval(secs => $2)) as holder",
    [name, longestWaitMs / 1_000],
  );
  const holder = rows[0]?.holder ?? undefined;
  if (holder !== undefined) throw new LockTakenError(what, longestWaitMs, holder);
}
