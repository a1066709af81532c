import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { events as kinds } from "../support/observations.ts";

/*
 * Each event, the files that tell of it, and the tests that wait for it or compare it. An event that nobody tells of is a
 * line in the documentation that never comes; one that no test meets could vanish silently.
 */

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Not by a recursive look: that follows the links of `node_modules` to hundreds of thousands of files. */
function filesIn(folder: string, isWanted: (path: string) => boolean): readonly string[] {
  return readdirSync(`${root}/${folder}`, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      return /^(node_modules|dist)$/.test(entry.name) ? [] : filesIn(path, isWanted);
    }
    return /\.[cm]?tsx?$/.test(path) && isWanted(path) ? [path] : [];
  });
}

function readAll(paths: readonly string[]): readonly (readonly [path: string, text: string])[] {
  return paths.map((path) => [path, readFileSync(`${root}/${path}`, "utf8")]);
}

const sources = readAll(
  ["apps", "packages"].flatMap((folder) =>
    filesIn(
      folder,
      (path) =>
        path.includes("/src/") &&
        !/\/(observation|log-sink|repeated-faults|[a-z]+-metrics)\.ts$/.test(path),
    ),
  ),
);
const tests = readAll(
  ["apps", "packages", "test"].flatMap((folder) =>
    filesIn(folder, (path) => path.endsWith(".test.ts") && !path.endsWith("/emitters.test.ts")),
  ),
);
const events = Object.keys(kinds);

test.each(events)("%s is told of by some part, and met by some test", (event) => {
  const emitters = sources.filter(([, text]) => new RegExp(`event(:| =) "${event}"`).test(text));
  expect(
    emitters.map(([path]) => path),
    "who tells of it",
  ).not.toEqual([]);
  // As a word of its own: in a log line, or as the event of an observation.
  const word = new RegExp(`["'\`]${event}["'\`]`);
  const meeting = tests.filter(([, text]) => word.test(text));
  expect(
    meeting.map(([path]) => path),
    "which test meets it",
  ).not.toEqual([]);
});
