import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { root } from "./run.mjs";

/* Which packages are installed, as Node would find them; from their package.json files alone, so offline. */

/** Members of the workspace that an image holds, with what they need. */
export const shippedMembers = ["apps/cli", "apps/consumer"].map((member) => join(root, member));

/** Where Node would find a package, looking up from the one that depends on it. */
function resolveFrom(directory, name) {
  for (let folder = directory; ; folder = dirname(folder)) {
    const found = join(folder, "node_modules", name);
    if (existsSync(join(found, "package.json"))) return realpathSync(found);
    if (dirname(folder) === folder) return undefined;
  }
}

/**
 * The packages in these directories and every one that they need, each with those that it needs itself.
 * Optional ones that are not installed, as those of other platforms, are left out; so are types.
 *
 * @param withDevelopment whether what our own packages need for their development counts, too.
 */
export function collectPackages(directories, withDevelopment) {
  const found = new Map();
  const waiting = directories.map((directory) => realpathSync(directory));
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    if (found.has(directory)) continue;
    const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
    const isOurs = !directory.split(sep).includes("node_modules");
    const names = Object.keys({
      ...manifest.dependencies,
      ...manifest.optionalDependencies,
      ...manifest.peerDependencies,
      ...(withDevelopment && isOurs ? manifest.devDependencies : {}),
    });
    const needed = names
      .filter((name) => withDevelopment || !name.startsWith("@types/"))
      .flatMap((name) => resolveFrom(directory, name) ?? []);
    found.set(directory, { manifest, isOurs, needed });
    waiting.push(...needed);
  }
  return [...found.values()].map((one) => ({
    ...one,
    needs: one.needed.map((directory) => found.get(directory).manifest),
  }));
}
