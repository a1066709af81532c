/** What somebody may do here. Each route names the one that it needs; the server asks, also where a page shows no button. */
export const rights = ["look", "reveal", "operate", "audit"] as const;

export type Right = (typeof rights)[number];

/** What each allows, for pages that name one which is missing. */
export const rightMeanings: Readonly<Record<Right, string>> = {
  look: "see counts, groups, masked dead letters, queues, jobs and what the doctor finds",
  reveal: "see contents that are masked, with a reason that is put on record, and filter by them",
  operate: "replay, discard, restore and edit dead letters, run jobs, and steer actions",
  audit: "see the change log, and what other people did",
};

/** Names for sets of rights, as a file of tokens may use them. */
export const roles: Readonly<Record<string, readonly Right[]>> = {
  viewer: ["look"],
  operator: ["look", "operate", "audit"],
  all: rights,
};

/** Who asks. */
export interface Viewer {
  /** What is put on record as the actor. */
  readonly name: string;
  readonly rights: ReadonlySet<Right>;
}

/** Rights of a role, or of a list such as `look,reveal`; undefined where a word is neither. */
export function parseRights(text: string): ReadonlySet<Right> | undefined {
  const found = new Set<Right>();
  for (const word of text.split(",")) {
    const meant = Object.hasOwn(roles, word)
      ? roles[word]
      : rights.filter((right) => right === word);
    if (meant === undefined || meant.length === 0) return undefined;
    for (const right of meant) found.add(right);
  }
  return withLook(found);
}

/** Whoever has any right may look: every page of an action shows what it is about. */
export function withLook(found: ReadonlySet<Right>): ReadonlySet<Right> {
  return found.size === 0 ? found : new Set<Right>(["look", ...found]);
}

/** Rights of somebody in these groups. Groups are compared whole, in their case; no patterns. */
export function rightsOfGroups(
  groups: readonly string[],
  granted: Readonly<Record<Right, readonly string[]>>,
): ReadonlySet<Right> {
  const found = rights.filter((right) => granted[right].some((group) => groups.includes(group)));
  return withLook(new Set(found));
}
