import { defineConfig } from "vitest/config";
import { builtPackages } from "./support/built-packages.ts";

/** Both images, run as `deploy` runs them: in containers, where no code of this process is. */
export default defineConfig({
  test: {
    name: "images",
    include: ["images/**/*.test.ts"],
    globalSetup: ["support/images-setup.ts"],
    server: { deps: { external: [builtPackages] } },
    setupFiles: ["support/check-container-leaks.ts"],
    runner: "support/full-profile-runner.ts",
    pool: "forks",
    // A minute on a machine that does nothing else.
    testTimeout: 300_000,
    hookTimeout: 180_000,
  },
});
