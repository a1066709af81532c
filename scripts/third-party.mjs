import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { collectPackages, shippedMembers } from "./installed-packages.mjs";
import { exceptions, licenceOf, problemOf } from "./licence-policy.mjs";
import { root } from "./run.mjs";

/*
 * `npm run licenses`: whether everything that is installed may be used under its licence, and whether
 * THIRD_PARTY_LICENSES.md lists what is shipped. `--write` writes that file anew. It reads the installed
 * package.json files, so it works offline.
 */

const file = join(root, "THIRD_PARTY_LICENSES.md");

/** Those for this platform alone are left out, so that the file is the same everywhere. */
function render(packages) {
  const rows = new Map();
  for (const manifest of packages) {
    const { name, version, os, cpu } = manifest;
    if (os === undefined && cpu === undefined) {
      rows.set(`${name}@${version}`, [name, version, licenceOf(manifest)]);
    }
  }
  const table = [["package", "version", "licence"], ...[...rows.values()].sort(compare)];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column].length)));
  const lines = table.map(
    (row) => `| ${row.map((cell, at) => cell.padEnd(widths[at])).join(" | ")} |`,
  );
  lines.splice(1, 0, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`);
  const notes = Object.entries(exceptions)
    .filter(([name]) => packages.some((manifest) => manifest.name === name))
    .map(([name, [licence, why]]) => `- ${name} (${licence}): ${why}.`);
  return `# Third-party licences

The npm packages that the consumer and the command line need to run, written by \`npm run licenses -- --write\`
and compared by \`npm run check\`. Each package has its licence's text in its own directory, also in the images.

${lines.join("\n")}

Under a licence that asks for more than a notice:

${notes.join("\n")}

The image of PostgreSQL is built from Debian's packages; their licences are in \`/usr/share/doc\` there.
`;
}

function compare([name, version], [otherName, otherVersion]) {
  if (name !== otherName) return name < otherName ? -1 : 1;
  return version < otherVersion ? -1 : 1;
}

const members = ["apps", "packages"].flatMap((folder) =>
  readdirSync(join(root, folder)).map((name) => join(root, folder, name)),
);
const others = ({ manifest, isOurs }) => (isOurs ? [] : [manifest]);
const everything = collectPackages(
  [root, join(root, "test"), join(root, "tools"), ...members],
  true,
).flatMap(others);
const text = render(collectPackages(shippedMembers, false).flatMap(others));
const problems = [...new Set(everything.flatMap((manifest) => problemOf(manifest) ?? []))];

if (process.argv.includes("--write")) writeFileSync(file, text);
else if (!existsSync(file) || readFileSync(file, "utf8") !== text) {
  problems.push("THIRD_PARTY_LICENSES.md is out of date: npm run licenses -- --write");
}
for (const problem of problems) console.error(problem);
console.log(`${everything.length} packages have licences that were looked at`);
process.exitCode = problems.length > 0 ? 1 : 0;
