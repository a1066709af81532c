import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Folders that are installed, built or written by programs. */
const notOurs = new Set(["node_modules", "dist", ".git", ".turbo", ".data", "coverage"]);

/** The paths of all files below a folder that people wrote, relative to it, with `/`, in order. */
export function filesBelow(root, folder = "") {
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  return entries
    .filter(({ name }) => !notOurs.has(name) && !name.startsWith(".verify-"))
    .flatMap((entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) return filesBelow(root, path);
      return entry.isFile() ? [path] : [];
    })
    .sort();
}
