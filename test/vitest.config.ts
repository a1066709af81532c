import { defineConfig } from "vitest/config";
import { builtPackages } from "./support/built-packages.ts";

export default defineConfig({
  test: {
    name: "test",
    include: ["**/*.test.ts"],
    exclude: ["containers/**", "images/**", "node_modules/**"],
    globalSetup: ["support/global-setup.ts"],
    server: { deps: { external: [builtPackages] } },
    setupFiles: ["support/check-leaks.ts"],
    pool: "forks",
    // Loading the packages anew for each file costs more than many files' tests. What a test leaves behind,
    // `failOnLeaks` finds.
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
