import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { filesBelow } from "./files.mjs";
import { forbiddenWords } from "./forbidden-words.mjs";

/*
 * Counts the words of forbidden-words.mjs in docs, help texts, messages, comments and names, file by file, and compares
 * with scripts/words-baseline.txt: what was there when the list was made, and may only shrink. `npm run check` runs this.
 *
 *   node scripts/words.mjs            fails where a file has more than its baseline, or fewer
 *   node scripts/words.mjs FILE …     shows each place in these files, with what to say instead
 *   node scripts/words.mjs --write    lowers the baseline, and follows files that were moved; refuses a word that grew
 */

/** What people write, without these lists themselves, landed migrations, and what is generated or of others. */
const isRead = (path) =>
  /\.(md|ts|cts|mts|mjs|cjs|sql|ya?ml|sh)$/.test(path) &&
  !/(^|\/)(landed|migrations|generated)\//.test(path) &&
  !/^(scripts\/(forbidden-)?words\.mjs|pnpm-lock\.yaml|THIRD_PARTY_LICENSES\.md)$/.test(path) &&
  // They name the words that are not used, and the words of a test of this list.
  !/^(docs\/architecture\.md|test\/docs\/words\.test\.ts)$/.test(path);

/** How often a text has each word, without those that it does not have. */
export function countWords(text) {
  const counts = {};
  for (const { word, pattern } of forbiddenWords) {
    const count = [...text.matchAll(pattern)].length;
    if (count > 0) counts[word] = count;
  }
  return counts;
}

/** The counts of all files below a folder, by path, without files that have none. */
function countAll(root) {
  const counted = filesBelow(root)
    .filter(isRead)
    .map((path) => [path, countWords(readFileSync(join(root, path), "utf8"))]);
  return Object.fromEntries(counted.filter(([, counts]) => Object.keys(counts).length > 0));
}

/** A line for each file and word that has more than its baseline, or fewer. */
export function compareWords(counted, baseline) {
  const says = new Map(forbiddenWords.map(({ word, say }) => [word, say]));
  const paths = [...new Set([...Object.keys(counted), ...Object.keys(baseline)])].sort();
  return paths.flatMap((path) => {
    const [now, before] = [counted[path] ?? {}, baseline[path] ?? {}];
    const words = [...new Set([...Object.keys(now), ...Object.keys(before)])].sort();
    return words.flatMap((word) => {
      const [is, was] = [now[word] ?? 0, before[word] ?? 0];
      if (is > was) return `${path}: "${word}" ${is} times, ${was} allowed; say: ${says.get(word)}`;
      if (is < was) {
        return `${path}: "${word}" ${is} times, ${was} allowed: lower the baseline by node scripts/words.mjs --write`;
      }
      return [];
    });
  });
}

/** The words that all files together have more often than the baseline allows, a line each. */
export function grownWords(counted, baseline) {
  const [now, before] = [sumUp(counted), sumUp(baseline)];
  return Object.keys(now)
    .filter((word) => now[word] > (before[word] ?? 0))
    .map((word) => `"${word}": ${now[word]} in all files, ${before[word] ?? 0} allowed`);
}

function sumUp(counted) {
  const sums = {};
  for (const counts of Object.values(counted)) {
    for (const [word, count] of Object.entries(counts)) sums[word] = (sums[word] ?? 0) + count;
  }
  return sums;
}

/** One line a file, so that branches which change different files do not meet. */
function format(counted) {
  const lines = Object.entries(counted).map(([path, counts]) => {
    const words = Object.entries(counts).map(([word, count]) => `${count} × ${word}`);
    return `${path}: ${words.join(", ")}\n`;
  });
  return lines.join("");
}

function parse(text) {
  const lines = [...text.matchAll(/^(.+?): (.+)$/gm)].map(([, path, words]) => [
    path,
    Object.fromEntries(
      words
        .split(", ")
        .map((entry) => entry.split(" × "))
        .map(([count, word]) => [word, Number(count)]),
    ),
  ]);
  return Object.fromEntries(lines);
}

function showPlaces(path) {
  const text = readFileSync(path, "utf8");
  const lines = text.split("\n");
  for (const { word, pattern, say } of forbiddenWords) {
    for (const { index } of text.matchAll(pattern)) {
      const number = text.slice(0, index).split("\n").length;
      console.log(`${path}:${number}: "${word}", say: ${say}\n    ${lines[number - 1]?.trim()}`);
    }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const root = join(dirname(fileURLToPath(import.meta.url)), "..");
  const file = join(root, "scripts/words-baseline.txt");
  const words = process.argv.slice(2);
  const counted = countAll(root);
  const baseline = existsSync(file) ? parse(readFileSync(file, "utf8")) : undefined;
  if (words[0] === "--write") {
    const grown = baseline === undefined ? [] : grownWords(counted, baseline);
    for (const line of grown) console.error(line);
    if (grown.length === 0) writeFileSync(file, format(counted));
    process.exitCode = grown.length > 0 ? 1 : 0;
  } else if (words.length > 0) {
    for (const path of words) showPlaces(path);
  } else {
    const lines = compareWords(counted, baseline ?? {});
    for (const line of lines) console.error(line);
    process.exitCode = lines.length > 0 ? 1 : 0;
  }
}
