import { parseArgs } from "node:util";
import { readCatalogue } from "./catalogue.mjs";
import { locate } from "./locate.mjs";
import { root } from "./root.mjs";
import { pickSample } from "./sample.mjs";
import { prepareSandbox } from "./sandbox.mjs";
import { formatTable } from "./table.mjs";
import { runTests } from "./tests.mjs";

/*
 * `pnpm mutants`: makes small realistic mistakes, one at a time, in a copy of the repository, and sees whether the
 * tests that should notice each of them do. Exit codes: 0 all are noticed, 1 some are not, 2 wrong usage, or the
 * catalogue does not fit the code any more.
 */

const usage = `pnpm mutants [--sample N] [--seed S] [--package NAME] [--only NAME …] [--list]

  --sample N      N of them, chosen at random
  --seed S        the same choice again; printed with each sample
  --package NAME  those of one package, or of sql
  --only NAME     of this name, or whose name begins with it; may be repeated
  --list          names them, and checks that each still fits the code; runs nothing`;

const options = {
  sample: { type: "string" },
  seed: { type: "string" },
  package: { type: "string" },
  only: { type: "string", multiple: true },
  list: { type: "boolean" },
  help: { type: "boolean" },
};

function readArguments() {
  try {
    const { values } = parseArgs({ options });
    if (values.sample !== undefined && !/^[1-9]\d*$/.test(values.sample)) {
      throw new Error("--sample must be a whole number from 1");
    }
    return values;
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`);
    process.exit(2);
  }
}

function choose(all, { sample, seed, package: name, only }) {
  const wanted = all.filter(
    (mutant) =>
      (name === undefined || mutant.package === name) &&
      (only === undefined || only.some((begin) => mutant.name.startsWith(begin))),
  );
  if (wanted.length === 0) {
    console.error("mutants: there is none of that name; --list names them");
    process.exit(2);
  }
  if (sample === undefined) return wanted;
  const chosen = seed ?? String(Math.floor(Math.random() * 1e9));
  console.log(`a sample of ${sample}, by --seed ${chosen}`);
  return pickSample(wanted, Number(sample), chosen);
}

/** Every mistake of the catalogue itself, before anything runs: it follows the code. */
function checkCatalogue(mutants) {
  const mistakes = mutants.flatMap((mutant) => {
    const { problem } = locate(root, mutant);
    return problem === undefined ? [] : [`${mutant.name}: ${problem}`];
  });
  if (mistakes.length === 0) return;
  console.error(
    `The catalogue follows the code, and has to be brought after it:\n${mistakes.join("\n")}`,
  );
  process.exit(2);
}

function judge(mutant, { failed, build, timedOut }) {
  if (build) return { ...mutant, outcome: "killed", how: "it does not compile" };
  if (timedOut) return { ...mutant, outcome: "killed", how: "the tests did not end" };
  if (failed) return { ...mutant, outcome: "killed", how: failed };
  if (mutant.equivalent) return { ...mutant, outcome: "equivalent", how: mutant.equivalent };
  return { ...mutant, outcome: "survived", how: mutant.wrong };
}

const words = readArguments();
if (words.help) {
  console.log(usage);
  process.exit(0);
}
// Not 1, which says that mutants survived: a catalogue that can't be read does not fit the code either.
const all = await readCatalogue().catch((error) => {
  console.error(
    `The catalogue can't be read, and has to be brought after the code: ${error.message}`,
  );
  process.exit(2);
});
const mutants = choose(all, words);
checkCatalogue(all);
if (words.list) {
  for (const { name, wrong } of mutants) console.log(`${name}\n    ${wrong}`);
  console.log(`${mutants.length} mutants`);
  process.exit(0);
}

const sandbox = prepareSandbox();
const outcomes = [];
for (const mutant of mutants) {
  const change = locate(sandbox.path, mutant);
  const undo = sandbox.apply(change);
  const startedAt = performance.now();
  try {
    const isBuilt = sandbox.build(change.file);
    outcomes.push(
      judge(mutant, isBuilt ? await runTests(sandbox.path, mutant.tests) : { build: true }),
    );
  } finally {
    undo();
    sandbox.build(change.file);
  }
  const { outcome, how } = outcomes.at(-1);
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log(`${outcome.padEnd(10)} ${mutant.name} (${seconds} s): ${how}`);
}
console.log(`\n${formatTable(outcomes)}`);
process.exitCode = outcomes.some(({ outcome }) => outcome === "survived") ? 1 : 0;
