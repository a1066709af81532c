import { readdirSync } from "node:fs";

/**
 * A mutant is `{name, package, in, search, replace, wrong, tests, equivalent}`:
 *
 * - `in`: the folder, or the file, in which `search` is exactly once; so a file may move within its package.
 * - `search` and `replace`: text; blanks and ends of lines count as one blank each.
 * - `wrong`: what would go wrong for a user.
 * - `tests`: who should notice: a project of vitest and part of a file's name, such as `test:consumer/ledger`, and
 *   behind a blank the beginning of a test's name, where a file has many that take long.
 * - `equivalent`: why no test can tell it from the code, where that is so.
 */
export async function readCatalogue() {
  const folder = new URL("catalogue/", import.meta.url);
  const mutants = [];
  for (const file of readdirSync(folder).sort()) {
    const { default: listed } = await import(new URL(file, folder).href);
    mutants.push(...listed.map((mutant) => ({ package: file.replace(/\.mjs$/, ""), ...mutant })));
  }
  assertWhole(mutants);
  return mutants;
}

function assertWhole(mutants) {
  const names = new Set();
  for (const { name, wrong, tests } of mutants) {
    if (names.has(name)) throw new Error(`two mutants have the name ${name}`);
    names.add(name);
    if (!wrong || !tests?.length)
      throw new Error(`${name} says not what goes wrong, or who notices`);
  }
}
