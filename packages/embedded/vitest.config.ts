import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/**
 * The tests use what was built and not the sources: the watchdog is a process of its own, which
 * plain Node must be able to run. `turbo run test` builds first.
 */
export default defineConfig({
  resolve: {
    alias: { "@centralcloud/embedded": fileURLToPath(new URL("dist/index.js", import.meta.url)) },
  },
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // A start is one core's work and some waiting.
  },
});
