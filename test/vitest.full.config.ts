import { defineConfig } from "vitest/config";

/** The full profile, in a container: what only it can do, and tests that must pass on both profiles. */
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
    // reads the server's files, which are in the container
    exclude: ["consumer/no-plaintext-on-disk.test.ts"],
    globalSetup: ["support/full-profile-setup.ts"],
    runner: "support/full-profile-runner.ts",
    pool: "forks",
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
