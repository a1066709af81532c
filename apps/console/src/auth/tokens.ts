import { createHash, timingSafeEqual } from "node:crypto";
import { parseRights, type Right, type Viewer } from "./rights.ts";

/** Somebody who signs in with a token of which only the hash is known here. */
export interface TokenEntry {
  readonly name: string;
  readonly rights: ReadonlySet<Right>;
  readonly sha256: Buffer;
}

/** In characters; shorter ones could be guessed, and only their hashes are known here. */
export const shortestToken = 32;

/**
 * Reads lines of `name role sha256`, such as `anna operator 9f86d0…`; blank lines and those that begin with # are left
 * out. A role is viewer, operator, all, or a list of rights such as `look,reveal`.
 */
export function parseTokens(
  variable: string,
  text: string,
  mistakes: string[],
): readonly TokenEntry[] {
  const entries: TokenEntry[] = [];
  const problem = (line: number, words: string) =>
    mistakes.push(`${variable}: line ${line}: ${words}`);
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.trim().startsWith("#")) continue;
    const [name = "", role = "", hash = "", ...rest] = line.trim().split(/\s+/);
    const found = parseRights(role);
    if (rest.length > 0 || !/^[0-9a-f]{64}$/.test(hash)) {
      problem(
        index + 1,
        "must be `name role sha256`: the hash has 64 digits from 0 to f, as `printf %s TOKEN | sha256sum` prints it",
      );
    } else if (found === undefined) {
      problem(
        index + 1,
        `${JSON.stringify(role)} is no role; there are viewer, operator and all, and lists of look, reveal, operate and audit`,
      );
    } else if (entries.some((entry) => entry.name === name)) {
      problem(index + 1, `there is another line for ${JSON.stringify(name)}`);
    } else entries.push({ name, rights: found, sha256: Buffer.from(hash, "hex") });
  }
  if (entries.length === 0 && text !== "" && mistakes.length === 0) {
    mistakes.push(`${variable}: has no line \`name role sha256\`: nobody could sign in`);
  }
  return entries;
}

/** Whose token it is; takes the same time for every wrong one. */
export function findToken(entries: readonly TokenEntry[], token: string): Viewer | undefined {
  const hash = createHash("sha256").update(token).digest();
  let found: Viewer | undefined;
  for (const entry of entries) {
    if (timingSafeEqual(entry.sha256, hash)) found = { name: entry.name, rights: entry.rights };
  }
  return found;
}
