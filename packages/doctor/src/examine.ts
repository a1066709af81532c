import {
  codeOf,
  inShortTransaction,
  messageOf,
  sqlState,
  wouldHideRows,
} from "@centralcloud/postgres";
import { withoutContents } from "@centralcloud/service";
import type { ClientBase } from "pg";
import type { Check, CheckedDatabase, ComparingCheck } from "./check.ts";
import { checks, comparingChecks } from "./checks.ts";
import { type CheckResult, error, type Finding, warning } from "./finding.ts";
import type { DoctorLimits } from "./limits.ts";

/** What one database says: to each check by itself, and for the comparisons with others. */
export interface Examination {
  readonly database: CheckedDatabase;
  readonly findings: readonly Finding[];
  /** By comparison; those that the database could not answer are among the findings. */
  readonly facts: ReadonlyMap<ComparingCheck, unknown>;
}

/** How long a check's statements may take, and wait for a lock, in milliseconds. */
const timeouts = { statementMs: 10_000, lockMs: 2_000 };

/** Something that is asked of the database. What keeps it from being answered is its own finding. */
interface Question {
  readonly ask: () => Promise<void>;
  readonly fail: (cause: unknown) => void;
}

/**
 * Runs all checks that there are for a database.
 *
 * @param isMigrated where it is not, those that need it are left out.
 * @param overdue aborted when all of them have had their time, and the database's connection is cut.
 */
export async function examine(
  database: CheckedDatabase,
  isMigrated: boolean,
  overdue: AbortSignal,
): Promise<Examination> {
  const explain = (cause: unknown) =>
    overdue.aborted ? notChecked(database.limits, overdue.reason) : explainFault(cause);
  const isFor = ({ name, sides }: Pick<Check, "name" | "sides">) =>
    sides.includes(database.side) && database.isWanted(name);
  const due = checks.filter((check) => isFor(check) && (isMigrated || !check.needsMigration));
  const checkResults = new Map<Check, readonly CheckResult[]>();
  const toCheck = (check: Check): Question => ({
    ask: async () =>
      void checkResults.set(check, await unlessOverdue(check.run(database), overdue)),
    fail: (cause) => void checkResults.set(check, [explain(cause)]),
  });
  const facts = new Map<ComparingCheck, unknown>();
  const unanswered: Finding[] = [];
  const toGather = (check: ComparingCheck): Question => ({
    ask: async () => void facts.set(check, await unlessOverdue(check.gather(database), overdue)),
    fail: (cause) => void unanswered.push(findingOf(check, database, explain(cause))),
  });
  await askReading(database.client, [
    ...due.filter((check) => !check.connects).map(toCheck),
    ...(isMigrated ? comparingChecks.filter(isFor).map(toGather) : []),
  ]);
  for (const { ask, fail } of due.filter((check) => check.connects).map(toCheck)) {
    if (overdue.aborted) fail(overdue.reason);
    else await ask().catch(fail);
  }
  const findings = due.flatMap((check) =>
    (checkResults.get(check) ?? []).map((checkResult) => findingOf(check, database, checkResult)),
  );
  return { database, findings: [...findings, ...unanswered], facts };
}

/**
 * Asks in transactions that can only read, since a setting would stay in a pooler's session: in one for all, until a
 * question fails and ends it; the rest then have another.
 */
async function askReading(client: ClientBase, questions: readonly Question[]): Promise<void> {
  const { statementMs, lockMs } = timeouts;
  let next = 0;
  const askOn = async () => {
    while (next < questions.length) {
      const { ask, fail } = questions[next++] as Question;
      try {
        await ask();
      } catch (cause) {
        fail(cause);
        return;
      }
    }
  };
  try {
    while (next < questions.length) {
      await inShortTransaction(client, statementMs, askOn, lockMs);
    }
  } catch (cause) {
    // The connection is gone.
    for (const { fail } of questions.slice(next)) fail(cause);
  }
}

/** What a comparison of several databases finds. */
export function compare(
  check: ComparingCheck,
  examinations: readonly Examination[],
): readonly Finding[] {
  const facts = examinations.flatMap(({ database, facts }) =>
    facts.has(check) ? [{ database, fact: facts.get(check) }] : [],
  );
  return check
    .compare(facts)
    .map(({ database, checkResult }) => findingOf(check, database, checkResult));
}

function findingOf(
  { name, why }: Check | ComparingCheck,
  database: CheckedDatabase,
  checkResult: CheckResult,
): Finding {
  const reason = checkResult.severity === "ok" ? {} : { why };
  return { check: name, database: database.name, ...checkResult, ...reason };
}

/** Rejects when it is overdue, whatever the work waits for. */
function unlessOverdue<Answer>(work: Promise<Answer>, overdue: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const late = () => reject(overdue.reason);
    overdue.addEventListener("abort", late, { once: true });
    if (overdue.aborted) late();
    work.then(resolve, reject).finally(() => overdue.removeEventListener("abort", late));
  });
}

/** A database that held up all others, and was not waited for. */
export class HeldUpError extends Error {
  constructor(seconds: number) {
    super(`it did not answer within ${seconds.toFixed(1)} seconds, while the others did`);
    this.name = "HeldUpError";
  }
}

function notChecked({ databaseS }: DoctorLimits, reason: unknown): CheckResult {
  const words =
    reason instanceof HeldUpError
      ? reason.message
      : `the checks of this database had used up their ${databaseS} seconds`;
  return error(
    `it was not checked: ${words}`,
    "see what makes this database slow, or what somebody has put in place of its tables; then run doctor again",
  );
}

/** A check that could not be made is a finding, and stops no other. */
function explainFault(cause: unknown): CheckResult {
  const message = withoutContents(messageOf(cause), codeOf(cause));
  if (wouldHideRows(cause)) {
    return error(`it could not be checked: ${message}`, "alter table … disable row level security");
  }
  if (codeOf(cause) === sqlState.insufficientPrivilege) {
    const remedy = "run doctor as the role that migrates: a member of centralcloud_owner";
    return warning(`this role may not see it: ${message}`, remedy);
  }
  return error(
    `it could not be checked: ${message}`,
    "see the server's log, then run doctor again",
  );
}
