import { writeFileSync } from "node:fs";
import { relative } from "node:path";

/** How many of the slowest files CI names. */
const slowest = 25;

/**
 * Ends a run of the tests with one plain line: `N passed, N failed, N skipped`. In CI, it says before where the time
 * went, by project and by file. Where `TEST_REPORT` names a file, the
 * same goes there as JSON, with the files that failed, as long as they can be tried by themselves.
 */
export default class SummaryReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const failedFiles = [];
    for (const module of modules) {
      const own = module.children;
      const failedTests = [];
      for (const test of own.allTests()) {
        const { state } = test.result();
        if (state === "passed") counts.passed += 1;
        else if (state === "failed") failedTests.push(test.fullName);
        else counts.skipped += 1;
      }
      // A file that could not be loaded, or a hook that failed, is no test but a failure nevertheless.
      const failed = failedTests.length || (module.state() === "failed" ? 1 : 0);
      counts.failed += failed;
      if (failed > 0) {
        const { project, moduleId: path } = module;
        failedFiles.push({ project: project.name, path, failed, tests: failedTests });
      }
    }
    if (process.env.TEST_REPORT) {
      const isWhole = unhandledErrors.length === 0;
      writeFileSync(process.env.TEST_REPORT, JSON.stringify({ ...counts, isWhole, failedFiles }));
    }
    if (process.env.CI && modules.length > 1) tellTimes(modules);
    const { passed, failed, skipped } = counts;
    process.on("exit", () => {
      console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    });
  }
}

/** Seconds of a worker: its files run one after the other, and several workers at once. */
function tellTimes(modules) {
  const byProject = new Map();
  const files = modules.map((module) => {
    const { project, moduleId } = module;
    const { duration, collectDuration, setupDuration } = module.diagnostic();
    const seconds = (duration + collectDuration + setupDuration) / 1000;
    const sum = byProject.get(project.name) ?? { files: 0, seconds: 0 };
    byProject.set(project.name, { files: sum.files + 1, seconds: sum.seconds + seconds });
    return { name: `${project.name} ${relative(process.cwd(), moduleId)}`, seconds };
  });
  console.log("\nWhere the time of the workers went:");
  for (const [name, { files: count, seconds }] of byProject) {
    console.log(`${seconds.toFixed(0).padStart(6)} s in ${count} files of ${name}`);
  }
  files.sort((one, other) => other.seconds - one.seconds);
  for (const { name, seconds } of files.slice(0, slowest)) {
    console.log(`${seconds.toFixed(0).padStart(6)} s ${name}`);
  }
}
