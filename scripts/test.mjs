import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { local, prepare, root } from "./run.mjs";

/** More files than that do not fail by chance. */
const mostTriedAgain = 5;

const given = process.argv.slice(2);

prepare();
process.exitCode =
  process.env.CI && given.length === 0 ? runForCi() : local("vitest", "run", ...given);

/**
 * Runs all tests; once more where the run ended before its end, since a file hung. Where a few files failed, they run
 * again, one after the other: a test that fails beside others and passes by itself does not stop a change, but it is
 * named, in the last lines, as one to fix.
 */
function runForCi() {
  let { report, status } = vitestWithReport();
  if (report === undefined) {
    console.log("\nThe run did not come to its end. Once more:");
    ({ report, status } = vitestWithReport());
  }
  const canTryAgain = report?.isWhole && report.failedFiles.length <= mostTriedAgain;
  if (status === 0 || !canTryAgain) return status;
  const { failedFiles } = report;
  console.log("\nWhat failed runs again, by itself:");
  const again = failedFiles.map((file) => ({
    ...file,
    again: vitestWithReport(
      "--no-file-parallelism",
      "--project",
      file.project,
      relative(root, file.path),
    ),
  }));
  const flaky = again.filter((file) => file.again.status === 0);
  for (const { project, path, tests } of flaky) {
    console.log(`flaky, passed by itself: ${project} ${relative(root, path)}: ${tests.join("; ")}`);
  }
  const repaired = flaky.reduce((sum, { failed }) => sum + failed, 0);
  const { passed, failed, skipped } = report;
  console.log(`${passed + repaired} passed, ${failed - repaired} failed, ${skipped} skipped`);
  return flaky.length === failedFiles.length ? 0 : 1;
}

/** The report is undefined where the run ended before it was made. */
function vitestWithReport(...words) {
  const folder = mkdtempSync(join(tmpdir(), "centralcloud-tests-"));
  try {
    process.env.TEST_REPORT = join(folder, "report.json");
    const status = local("vitest", "run", ...words);
    return { status, report: reportIn(process.env.TEST_REPORT) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function reportIn(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
