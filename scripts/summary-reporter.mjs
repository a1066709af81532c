import { writeFileSync } from "node:fs";

/**
 * Ends a run of the tests with one plain line: `N passed, N failed, N skipped`. Where `TEST_REPORT` names a file, the
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
      // A file that could not be loaded, or a hook that failed, is no test but a failure all the same.
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
    const { passed, failed, skipped } = counts;
    process.on("exit", () => {
      console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    });
  }
}
