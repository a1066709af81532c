import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { filesBelow } from "./files.mjs";

/*
 * Every relative link of a Markdown file must lead to a file that exists, and its anchor to a heading there. So must
 * every page of docs/ that a source file names: help texts, messages, alerts and comments do. A path of the repository
 * must exist that stands in backticks in a Markdown file, or in a comment of a source file. `npm run check` runs this.
 */

/** Source files, whose mentions of docs/ are checked. Applied migrations and what is generated never change. */
const isSource = (path) =>
  /\.(tsx?|cts|mjs|cjs|sql|ya?ml|sh)$|(^|\/)(Dockerfile|roll-out|up|make-secrets)$/.test(path) &&
  !/(^|\/)(landed|migrations|generated)\//.test(path) &&
  // Its test names pages that are broken on purpose.
  !["pnpm-lock.yaml", "test/docs/links.test.ts"].includes(path);

/** A path of the repository, which may have `*` in it. */
const repositoryPath = "(?:apps|packages|test|sql|scripts|deploy|docs|tools)/[\\w./*-]*[\\w/*]";

/** Files that whoever deploys writes: git ignores them. */
const isWrittenLater = (path) =>
  /^deploy\/(\.env$|secrets($|\/)|kubernetes\/secrets\/files($|\/))/.test(path);

/** The anchors of a Markdown text, as GitHub makes them of headings, and those that are written as `<a id="…">`. */
function anchorsOf(text) {
  const prose = withoutFences(text);
  const counts = new Map();
  const headings = [...prose.matchAll(/^#{1,6} (.*)$/gm)].map(([, heading]) => {
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-");
    const count = counts.get(slug) ?? 0;
    counts.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
  return new Set([...headings, ...[...prose.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id)]);
}

/** What is wrong with a link from a file to a target such as `logs.md#events`; undefined where nothing is. */
export function brokenLink(root, from, target) {
  const [path, anchor] = target.split("#");
  const file = path === "" ? from : posix.normalize(posix.join(posix.dirname(from), path));
  // GitHub's own pages, such as `../../security`, are above the repository.
  if (file.startsWith("../")) return undefined;
  if (!existsSync(join(root, file))) return `${from}: ${target}: there is no such file`;
  if (anchor === undefined || !file.endsWith(".md")) return undefined;
  const anchors = anchorsOf(readFileSync(join(root, file), "utf8"));
  return anchors.has(anchor) ? undefined : `${from}: ${target}: ${file} has no such heading`;
}

/** All broken links below a folder, a line each. */
export function brokenLinks(root) {
  return filesBelow(root).flatMap((path) => {
    const isPage = path.endsWith(".md");
    if (!isPage && !isSource(path)) return [];
    const text = readFileSync(join(root, path), "utf8");
    const broken = isPage
      ? linksOf(text).map((target) => brokenLink(root, path, target))
      : [...text.matchAll(/\bdocs\/[\w./-]+\.(?:md|svg|png)(?:#[\w-]+)?/g)].map(([target]) => {
          const problem = brokenLink(root, "README.md", target);
          return problem?.replace(/^README\.md/, path);
        });
    const gone = (isPage ? pathsOfPage(text) : pathsOfComments(text))
      .filter((named) => !isWrittenLater(named) && !exists(root, named.split("/")))
      .map((named) => `${path}: ${named}: there is no such file`);
    return [...broken.filter((line) => line !== undefined), ...gone];
  });
}

/** Those in backticks; behind one may stand arguments of a command. */
function pathsOfPage(text) {
  const pattern = new RegExp(`\`(${repositoryPath})(?=[\\s\`])`, "g");
  return [...withoutFences(text).matchAll(pattern)].map(([, path]) => path);
}

function pathsOfComments(text) {
  const pattern = new RegExp(`(?<![\\w/.@$}-])${repositoryPath}`, "g");
  const comments = text.match(/^\s*(?:\/\/|\/?\*|--|#).*|\s(?:\/\/|--|#)\s.*/gm) ?? [];
  // What is wrong with a page is told with its anchor.
  return comments
    .flatMap((comment) => comment.match(pattern) ?? [])
    .filter((path) => !/^docs\/.*\.(md|svg|png)$/.test(path));
}

/** @param names of folders and at last a file, each of which may have `*` in it. */
function exists(folder, [name, ...rest]) {
  if (name === undefined || name === "") return true;
  if (!name.includes("*")) {
    return existsSync(join(folder, name)) && exists(join(folder, name), rest);
  }
  const [before, ...after] = name.split("*");
  return readdirSync(folder).some(
    (found) =>
      found.startsWith(before) && found.endsWith(after.at(-1)) && exists(join(folder, found), rest),
  );
}

/** The relative targets of a Markdown text: links, images and definitions. */
function linksOf(text) {
  const prose = withoutFences(text).replaceAll(/`[^`\n]*`/g, "");
  const targets = [
    ...prose.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g),
    ...prose.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm),
    ...prose.matchAll(/\bsrc="([^"]+)"/g),
  ];
  return targets.map(([, target]) => target).filter((target) => !/^[a-z]+:/i.test(target));
}

function withoutFences(text) {
  return text.replaceAll(/^( *)(```|~~~)[\s\S]*?^\1\2/gm, "");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const broken = brokenLinks(join(dirname(fileURLToPath(import.meta.url)), ".."));
  for (const line of broken) console.error(line);
  process.exitCode = broken.length > 0 ? 1 : 0;
}
