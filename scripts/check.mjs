import { local, prepare } from "./run.mjs";

/* Everything that can be said about the code without running it. All of it runs, also after a failure. */

// Biome does not know https://no-color.org.
const colours = process.env.NO_COLOR ? ["--colors=off"] : [];

const checks = [
  ["format and lint", "biome", "ci", "--error-on-warnings", ...colours, "."],
  ["types", "turbo", "run", "types", "--output-logs=errors-only"],
  [
    "import directions",
    "depcruise",
    "--config",
    ".dependency-cruiser.mjs",
    "apps",
    "packages",
    "test",
    "tools",
  ],
  ["links of the documentation", "node", "scripts/links.mjs"],
  ["words of the glossary", "node", "scripts/words.mjs"],
  ["places of each queue", "node", "scripts/queues.mjs"],
  ["generated files", "turbo", "run", "verify", "--output-logs=errors-only"],
  ["licences", "node", "scripts/third-party.mjs"],
];

prepare();
const failed = [];
for (const [name, program, ...words] of checks) {
  console.log(`\n── ${name}`);
  if (local(program, ...words) !== 0) failed.push(name);
}
console.log(`\n${checks.length - failed.length} checks passed, ${failed.length} failed`);
if (failed.length > 0) console.error(`Failed: ${failed.join(", ")}`);
process.exitCode = failed.length > 0 ? 1 : 0;
