import { parseArgs } from "node:util";
import { readCatalogue } from "./catalogue.mjs";
import { locate } from "./locate.mjs";
import { readResults, writeResult } from "./results.mjs";
import { root } from "./root.mjs";
import { objectsWithoutMutant } from "./rules.mjs";
import { pickSample } from "./sample.mjs";
import { prepareSandbox } from "./sandbox.mjs";
import { startServer } from "./server.mjs";
import { formatTable } from "./table.mjs";
import { runTests } from "./tests.mjs";

/*
 * `pnpm mutants`: makes small realistic mistakes, one at a time, in a copy of the repository, and sees whether the
 * tests that should notice each of them do. Exit codes: 0 all are noticed, 1 some are not, 2 wrong usage, or the
 * catalogue does not fit the code any more.
 */

const usage = `pnpm mutants [--sample N] [--seed S] [--package NAME] [--only NAME …] [--part K/N] [--results FILE] [--list]
pnpm mutants --table FILE …

  --sample N      N of them, chosen at random
  --seed S        the same choice again; printed with each sample
  --package NAME  those of one package, or of sql
  --only NAME     of this name, or whose name begins with it; may be repeated
  --part K/N      the Kth of N parts of them, for a whole run that is spread over several sessions or machines
  --results FILE  writes each outcome there as it comes, as a line of JSON; what is there already is not run again
  --table FILE …  sums up what such files hold, and names what survived and what is missing; runs nothing
  --least PERCENT exit code 0 also where some survive, as long as so many of a hundred are noticed; default 100
  --list          names them, and checks that each still fits the code; runs nothing`;

const options = {
  sample: { type: "string" },
  seed: { type: "string" },
  package: { type: "string" },
  only: { type: "string", multiple: true },
  part: { type: "string" },
  results: { type: "string" },
  table: { type: "boolean" },
  least: { type: "string", default: "100" },
  list: { type: "boolean" },
  help: { type: "boolean" },
};

function readArguments() {
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (values.sample !== undefined && !/^[1-9]\d*$/.test(values.sample)) {
      throw new Error("--sample must be a whole number from 1");
    }
    const [, part, parts] = /^([1-9]\d{0,3})\/([1-9]\d{0,3})$/.exec(values.part ?? "1/1") ?? [];
    if (part === undefined || Number(part) > Number(parts)) {
      throw new Error("--part must be such as 3/8: the third of eight");
    }
    if (!/^(100|[1-9]?\d)$/.test(values.least)) throw new Error("--least must be 0 to 100");
    if (positionals.length > 0 !== (values.table === true)) {
      throw new Error("--table takes the files of results, and nothing else takes files");
    }
    return { ...values, part: Number(part), parts: Number(parts), files: positionals };
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`);
    process.exit(2);
  }
}

function choose(all, { sample, seed, package: name, only, part, parts }) {
  const wanted = all.filter(
    (mutant) =>
      (name === undefined || mutant.package === name) &&
      (only === undefined || only.some((begin) => mutant.name.startsWith(begin))),
  );
  if (wanted.length === 0) {
    console.error("mutants: there is none of that name; --list names them");
    process.exit(2);
  }
  // Mutants next to each other go to different parts: they take about as long as each other.
  if (sample === undefined) return wanted.filter((_, place) => place % parts === part - 1);
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
  for (const file of objectsWithoutMutant(mutants)) {
    mistakes.push(
      `${file}: it has no mutant; a line in catalogue/sql.mjs says which tests know it`,
    );
  }
  if (mistakes.length === 0) return;
  console.error(
    `The catalogue follows the code, and has to be brought after it:\n${mistakes.join("\n")}`,
  );
  process.exit(2);
}

function judge({ name, package: room, wrong, equivalent }, { failed, build, timedOut }) {
  const outcome = (outcome, how) => ({ name, package: room, outcome, how });
  if (build) return outcome("killed", "it does not compile");
  if (timedOut) return outcome("killed", "the tests did not end");
  if (failed) return outcome("killed", failed);
  if (equivalent) return outcome("equivalent", equivalent);
  return outcome("survived", wrong);
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

if (words.table) {
  process.exit(sumUp(mutants, words.files));
}

const known = words.results === undefined ? new Map() : readResults([words.results]);
const rest = mutants.filter(({ name }) => !known.has(name));
const outcomes = mutants.flatMap(({ name }) => known.get(name) ?? []);
if (rest.length > 0) {
  const sandbox = prepareSandbox();
  const server = await startServer(sandbox.path);
  for (const mutant of rest) {
    const startedAt = performance.now();
    const found = judge(mutant, await attempt(mutant, sandbox, server));
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    outcomes.push(found);
    if (words.results !== undefined) writeResult(words.results, { ...found, seconds });
    console.log(`${found.outcome.padEnd(10)} ${mutant.name} (${seconds} s): ${found.how}`);
  }
  await server.stop();
}
console.log(`\n${formatTable(outcomes)}`);
process.exitCode = isEnough(outcomes) ? 0 : 1;

function isEnough(outcomes) {
  const count = (wanted) => outcomes.filter(({ outcome }) => outcome === wanted).length;
  const [killed, survived] = ["killed", "survived"].map(count);
  return 100 * killed >= Number(words.least) * (killed + survived);
}

/** Makes the mistake, runs the tests that should notice, and takes it back. */
async function attempt(mutant, sandbox, server) {
  const change = locate(sandbox.path, mutant);
  const { build, undo } = sandbox.apply(change);
  await server.forget(change.file);
  try {
    if (!build(server.url())) return { build: true };
    const ran = await runTests(sandbox.path, mutant.tests, server.url());
    if (ran.timedOut) await server.renew();
    return ran;
  } finally {
    undo();
    await server.forget(change.file);
  }
}

function sumUp(mutants, files) {
  const found = readResults(files);
  const outcomes = mutants.flatMap(({ name }) => found.get(name) ?? []);
  for (const { name, outcome, how } of outcomes) {
    if (outcome === "survived") console.log(`${outcome.padEnd(10)} ${name}: ${how}`);
  }
  const missing = mutants.filter(({ name }) => !found.has(name));
  for (const { name } of missing) console.log(`not run    ${name}`);
  console.log(`\n${formatTable(outcomes)}`);
  return missing.length === 0 && isEnough(outcomes) ? 0 : 1;
}
