import { appendFileSync, existsSync, readFileSync } from "node:fs";

/*
 * What came of mutants, one a line: `{name, package, outcome, how, seconds}`. A run may be ended at any moment, and
 * continues with those that are not there yet.
 */

export function writeResult(file, result) {
  appendFileSync(file, `${JSON.stringify(result)}\n`);
}

/** By name; of several, the last. A line that was cut off when its run was ended says nothing. */
export function readResults(files) {
  const results = new Map();
  for (const file of files) {
    if (!existsSync(file)) continue;
    for (const line of readFileSync(file, "utf8").split("\n")) {
      const result = parse(line);
      if (result?.name !== undefined) results.set(result.name, result);
    }
  }
  return results;
}

function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
