import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    maxWorkers: 3,
    projects: ["packages/*", "test", "test/vitest.full.config.ts", "test/vitest.images.config.ts"],
    reporters: ["default", "./scripts/summary-reporter.mjs"],
  },
});
