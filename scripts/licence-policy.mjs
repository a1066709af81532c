/* Which licences what we install may have. */

/** SPDX identifiers that ask for no more than their text and a notice. */
const allowed = new Set([
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "CC0-1.0",
  "ISC",
  "MIT",
  "MIT-0",
  "PostgreSQL",
  "Python-2.0",
  "Unlicense",
]);

/** Packages under another licence, and why they may be used nevertheless. */
export const exceptions = {
  openpgp: [
    "LGPL-3.0-or-later",
    "used unchanged, as a package of its own that anybody can replace in node_modules",
  ],
  "axe-core": ["MPL-2.0", "a tool of the tests of the console; unchanged, and not shipped"],
  lightningcss: ["MPL-2.0", "a tool of the tests (vitest); unchanged, and not shipped"],
};

/** What some packages write instead of an SPDX identifier. */
const spdxOf = { "Apache 2.0": "Apache-2.0", "LGPL-3.0+": "LGPL-3.0-or-later" };

export function licenceOf({ license, licenses }) {
  const given = license ?? licenses?.[0];
  const text = typeof given === "object" ? given.type : given;
  return spdxOf[text] ?? text ?? "none";
}

/** `A OR B` needs one of them, `A AND B` both. */
function isAllowed(expression) {
  const plain = expression.replaceAll(/[()]/g, "");
  return plain
    .split(" OR ")
    .some((choice) => choice.split(" AND ").every((id) => allowed.has(id.trim())));
}

/** What is wrong with the licence of a package, in a sentence; undefined where nothing is. */
export function problemOf(manifest) {
  const { name, version } = manifest;
  const licence = licenceOf(manifest);
  if (isAllowed(licence)) return undefined;
  const [exception] =
    exceptions[name] ?? exceptions[name.replace(/-(linux|darwin|win32)-.*/, "")] ?? [];
  if (exception === licence) return undefined;
  return `${name} ${version} is under ${licence}, which is not on the list of scripts/licence-policy.mjs`;
}
