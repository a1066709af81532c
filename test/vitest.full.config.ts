import { defineConfig } from "vitest/config";

/**
 * The full profile, in a container: what only it can do, and tests that must pass on both profiles. Left out
 * is what does not depend on the server: how a lane behaves when it is cut off, stopped or woken.
 */
export default defineConfig({
  test: {
    name: "full",
    include: [
      "cdc/**/*.test.ts",
      "containers/**/*.test.ts",
      "consumer/**/*.test.ts",
      "properties/**/*.test.ts",
      "singularity/**/*.test.ts",
    ],
    exclude: [
      // reads the server's files, which are in the container
      "consumer/no-plaintext-on-disk.test.ts",
      "consumer/{faults,replicas,transaction-pooling,wake-up}.test.ts",
      "cdc/start-stop.test.ts",
      "properties/merge-locks.test.ts",
    ],
    globalSetup: ["support/full-profile-setup.ts"],
    runner: "support/full-profile-runner.ts",
    pool: "forks",
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
