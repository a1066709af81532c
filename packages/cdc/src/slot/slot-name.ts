import { createHash } from "node:crypto";
import { captureName } from "./capture-slot.ts";

const longestName = 63;

/**
 * Slots belong to a server, so the second Singularity database on it needs another name: the first one's,
 * and the database's. What a slot's name may not hold is replaced, and a hash tells such names apart.
 */
export function slotNameFor(database: string): string {
  const name = `${captureName}_${database}`;
  if (/^[a-z0-9_]+$/.test(name) && name.length <= longestName) return name;
  const hash = createHash("sha256").update(database).digest("hex").slice(0, 8);
  const readable = name.toLowerCase().replaceAll(/[^a-z0-9_]/g, "_");
  return `${readable.slice(0, longestName - hash.length - 1)}_${hash}`;
}
