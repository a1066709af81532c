import { defineConfig } from "vitest/config";
import { builtPackages } from "./support/built-packages.ts";

/**
 * The full profile, in a container: what only it can do, and tests that must pass on both profiles. Left out
 * is what does not depend on the server: how a lane behaves when it is cut off, stopped or woken, what a merge
 * makes of messages, how a server is told from one that took its place, when the scheduler runs a job, what is told
 * of a failed message, how the ledger is pruned, how keys are added and rotated, and which replica reads changes when
 * another is killed. What another output plugin makes of a reader that breaks off, `cdc/interruptions` says.
 */
export default defineConfig({
  test: {
    name: "full",
    include: [
      "cdc/**/*.test.ts",
      "connections/**/*.test.ts",
      "containers/**/*.test.ts",
      "consumer/**/*.test.ts",
      "rights/**/*.test.ts",
      "singularity/**/*.test.ts",
    ],
    exclude: [
      // reads the server's files, which are in the container
      "consumer/no-plaintext-on-disk.test.ts",
      "consumer/{attempts,faults,large-batches,ledger,lost-transactions,moved-servers,replicas,transaction-pooling,wake-up}.test.ts",
      // opens a scheduler, which leaves all jobs to pg_cron here
      "connections/kinds.test.ts",
      "cdc/{heartbeat,killed-readers,prepared-transactions,start-stop}.test.ts",
      // what PostgreSQL can hold in a value is the same everywhere, and takes long
      "singularity/{huge-results,odd-rows-of-applications,scheduler,session-keys}.test.ts",
    ],
    globalSetup: ["support/full-profile-setup.ts"],
    server: { deps: { external: [builtPackages] } },
    setupFiles: ["support/check-container-leaks.ts"],
    runner: "support/full-profile-runner.ts",
    pool: "forks",
    // Loading the packages anew for each file costs more than many files' tests. What a test leaves behind,
    // `failOnLeaks` finds.
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
