import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";

const left = new Set(["node_modules", "dist", "landed", "generated", ".turbo"]);

function* filesIn(path) {
  if (!statSync(path).isDirectory()) {
    yield path;
    return;
  }
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (!left.has(entry.name)) yield* filesIn(join(path, entry.name));
  }
}

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Blanks as they happen to be: a formatter may break a line anywhere. */
function patternOf(search) {
  return new RegExp(search.trim().split(/\s+/).map(escaped).join("\\s+"), "g");
}

/** Where a mutant's text is, and what the file is with it and without. `problem` where that is not clear. */
export function locate(root, { in: room, search, replace, at }) {
  // Found by a rule, so it is where the rule has found it.
  if (at !== undefined)
    return change(root, join(root, room), { index: at, length: search.length }, replace);
  const found = [];
  let place;
  try {
    place = [...filesIn(join(root, room))];
  } catch {
    return { problem: `there is no ${room}` };
  }
  for (const path of place) {
    const text = readFileSync(path, "utf8");
    for (const { index, 0: match } of text.matchAll(patternOf(search))) {
      found.push({ path, index, length: match.length });
    }
  }
  const [one, ...others] = found;
  if (one === undefined) return { problem: `its text is gone from ${room}: ${search}` };
  if (others.length > 0)
    return { problem: `its text is ${found.length} times in ${room}: ${search}` };
  return change(root, one.path, one, replace);
}

function change(root, path, { index, length }, replace) {
  const text = readFileSync(path, "utf8");
  const mutated = text.slice(0, index) + replace + text.slice(index + length);
  return { path, file: relative(root, path), text, mutated };
}
