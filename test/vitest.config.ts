import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    name: "test",
    include: ["**/*.test.ts"],
    exclude: ["containers/**", "images/**", "node_modules/**"],
    globalSetup: ["support/global-setup.ts"],
    pool: "forks",
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
