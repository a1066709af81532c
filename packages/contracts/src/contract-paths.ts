import { contractFor, queueNames } from "./queues.ts";
import type { Disclosure } from "./shown-fields.ts";

/** Whether a path is made of indexes and names of our own fields alone. */
export function isContractPath(path: string): boolean {
  if (path.length > 300) return false;
  const names = path.replaceAll(/\[\d+\]/g, "").split(".");
  return path === "" || names.every((name) => contractFields.has(name));
}

/** Every name that is in the path of an issue of one of our contracts. */
const contractFields: ReadonlySet<string> = new Set(
  queueNames.flatMap((queue) => namesIn(contractFor(queue).shown)),
);

function namesIn(shown: Disclosure): readonly string[] {
  if (typeof shown === "string") return [];
  if (isList(shown)) return namesIn(shown[0]);
  return Object.entries(shown).flatMap(([name, of]) => [name, ...namesIn(of)]);
}

function isList(shown: Exclude<Disclosure, string>): shown is readonly [Disclosure] {
  return Array.isArray(shown);
}
