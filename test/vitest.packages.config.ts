import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { builtPackages } from "./support/built-packages.ts";

const packages = new URL("../packages/", import.meta.url);

/** What is shown without a database: each package's own tests, beside its code. */
export default defineConfig({
  root: fileURLToPath(packages),
  // Its tests use what was built: the watchdog is a process of its own, which plain Node must be able to run.
  resolve: {
    alias: {
      "@centralcloud/embedded": fileURLToPath(new URL("embedded/dist/index.js", packages)),
    },
  },
  test: {
    name: "packages",
    include: ["*/test/**/*.test.ts"],
    pool: "forks",
    // Starting a process and loading the packages anew for each file costs more than nearly all files' tests.
    isolate: false,
    server: { deps: { external: [builtPackages] } },
    setupFiles: [fileURLToPath(new URL("support/check-leaks.ts", import.meta.url))],
    // A busy machine must not fail a test.
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
