import {
  type ArchiveCheckCounts,
  countArchiveChecks,
  doubtEpoch,
  type NamedArchiveCheck,
  readArchiveChecks,
} from "@centralcloud/central";
import type { CheckedDatabase } from "../check.ts";
import { type CheckResult, error, ok, warning } from "../finding.ts";

/** Whether the store has what sources archived, as far as consumers have compared it. */
export async function checkStoreLosses({ client }: CheckedDatabase): Promise<CheckResult[]> {
  const doubt = await doubtEpoch(client);
  const checks = await readArchiveChecks(client);
  const missing = checks.flatMap(describeMissing);
  const uncompared = checks.flatMap(describeProblem);
  const rest = await countArchiveChecks(client);
  return [
    ...missing,
    ...uncompared,
    ...(missing.length + uncompared.length > 0 ? [] : [ok(describeRest(doubt, rest))]),
  ];
}

function describeMissing({ source, queue, missing, sourceId }: NamedArchiveCheck): CheckResult[] {
  if (missing === undefined) return [];
  const { since, count, isAtLeast } = missing;
  const what = `${isAtLeast ? "at least " : ""}${count} message${count === 1 ? "" : "s"} of ${queue}`;
  return [
    error(
      `${what} of ${source} ${count === 1 ? "is" : "are"} archived but not in the store since ${since}, by the source's clock`,
      `centralcloud replay-archive --source ${sourceId} --queue ${queue} --from ${since} --reason "the central store lost transactions"; ` +
        `if they are not to be in it: delete from central.archive_checks where source_id = '${sourceId}'`,
    ),
  ];
}

function describeProblem({ source, queue, problem }: NamedArchiveCheck): CheckResult[] {
  if (problem === null) return [];
  return [
    warning(
      `the archive of ${queue} of ${source} could not be compared with the ledger: ${problem}`,
      "see what keeps a consumer from reading it; if that can't be repaired: centralcloud replay-archive --all, which changes nothing that the store has",
    ),
  ];
}

function describeRest(
  doubt: string | undefined,
  { first, last, lastDueAt }: ArchiveCheckCounts,
): string {
  if (doubt !== undefined) {
    return `consumers compare the archives with it as soon as one works: ${doubt}`;
  }
  if (first > 0) return `${describeArchives(first)} still to be compared with its ledger`;
  if (last > 0) {
    const due = lastDueAt === null ? "" : `, after ${lastDueAt} by the clocks of their sources`;
    return `nothing was missing so far; ${describeArchives(last)} to be compared a last time once nothing more can come that was merged before${due}`;
  }
  return "as far as consumers know, it has everything that was archived";
}

function describeArchives(count: number): string {
  return count === 1 ? "1 archive is" : `${count} archives are`;
}
