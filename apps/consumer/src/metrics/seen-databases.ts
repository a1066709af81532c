import type { Look } from "../looks/look.ts";
import type { Looks } from "../looks/looks.ts";

/** What was seen at the databases, each under the id that it rightly has. */
export type SeenDatabases = Pick<Looks, "central" | "sources" | "captures">;

/**
 * A database whose id is another's is told of by its place: its figures must not stand in for the other's. So is one
 * that has the id of one before it, as long as neither was claimed.
 *
 * @param refused their places.
 */
export function seenDatabases(
  looks: SeenDatabases,
  refused: () => ReadonlySet<string>,
): SeenDatabases {
  function ownIds<Seen extends { readonly sourceId: string }>(
    all: readonly Look<Seen>[],
  ): readonly Look<Seen>[] {
    const taken = new Set<string>();
    const rightly = all.filter(({ place }) => !refused().has(place));
    const isTaken = (look: Look<Seen>) => {
      const { seen } = look;
      if (seen === undefined) return false;
      if (!rightly.includes(look) || taken.has(seen.sourceId)) return true;
      taken.add(seen.sourceId);
      return false;
    };
    return all.map((look) => {
      const { place, what, seen, seenAt, isFailing } = look;
      if (seen === undefined || !isTaken(look)) return look;
      return { place, what, seen: { ...seen, sourceId: place }, seenAt, isFailing };
    });
  }

  return {
    central: looks.central,
    get sources() {
      return ownIds(looks.sources);
    },
    get captures() {
      return ownIds(looks.captures);
    },
  };
}
