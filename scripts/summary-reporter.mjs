/** Ends a run of the tests with one plain line: `N passed, N failed, N skipped`. */
export default class SummaryReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      const own = module.children;
      let failedTests = 0;
      for (const test of own.allTests()) {
        const { state } = test.result();
        if (state === "passed") counts.passed += 1;
        else if (state === "failed") failedTests += 1;
        else counts.skipped += 1;
      }
      counts.failed += failedTests;
      // A file that could not be loaded, or a hook that failed, is no test but a failure all the same.
      if (failedTests === 0 && module.state() === "failed") counts.failed += 1;
    }
    const { passed, failed, skipped } = counts;
    process.on("exit", () => {
      console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    });
  }
}
