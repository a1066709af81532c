import { defineConfig } from "vitest/config";

/**
 * The full profile, in a container: what only it can do, and tests that must pass on both profiles. Left out
 * is what does not depend on the server: how a lane behaves when it is cut off, stopped or woken, what a merge
 * makes of messages, and when the scheduler runs a job.
 */
export default defineConfig({
  test: {
    name: "full",
    include: [
      "cdc/**/*.test.ts",
      "containers/**/*.test.ts",
      "consumer/**/*.test.ts",
      "singularity/**/*.test.ts",
    ],
    exclude: [
      // reads the server's files, which are in the container
      "consumer/no-plaintext-on-disk.test.ts",
      "consumer/{faults,large-batches,replicas,transaction-pooling,wake-up}.test.ts",
      "cdc/{heartbeat,restarts,start-stop}.test.ts",
      "singularity/scheduler.test.ts",
    ],
    globalSetup: ["support/full-profile-setup.ts"],
    runner: "support/full-profile-runner.ts",
    pool: "forks",
    // Loading the packages anew for each file costs more than many files' tests. What a test leaves behind,
    // `failOnLeaks` finds.
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
