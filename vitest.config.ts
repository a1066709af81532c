import { defineConfig } from "vitest/config";
import FileOrder from "./scripts/file-order.mjs";
import { useMemoryForTemporaryFiles } from "./scripts/use-memory-for-temporary-files.mjs";

useMemoryForTemporaryFiles();

export default defineConfig({
  test: {
    // More than the cores of a small machine: tests also wait, for servers and for time to pass.
    maxWorkers: 4,
    projects: [
      "test",
      "test/vitest.packages.config.ts",
      "test/vitest.full.config.ts",
      "test/vitest.images.config.ts",
    ],
    reporters: ["default", "./scripts/hang-reporter.mjs", "./scripts/summary-reporter.mjs"],
    sequence: { sequencer: FileOrder },
  },
});
