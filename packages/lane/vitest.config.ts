import { defineConfig } from "vitest/config";

export default defineConfig({
  // A busy machine must not fail a test.
  test: { include: ["test/**/*.test.ts"], testTimeout: 30_000 },
});
