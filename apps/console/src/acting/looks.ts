/**
 * Which contents a session was shown a moment ago, by a record with its reason: an editor shows them again while somebody
 * edits, and an export is loaded after it was asked for. In memory: a console that starts anew asks for a reason again.
 */
export interface Looks {
  /** Something was put on record, and may be shown again. */
  opened(what: string): void;
  isOpen(what: string): boolean;
}

/** How long contents are shown again without another record, in milliseconds. */
export const lookMs = 15 * 60_000;

/** Looks that are kept at most; the oldest is forgotten first, and then takes another record. */
const mostLooks = 10_000;

/** @param now milliseconds of a monotonic clock. */
export function createLooks(now: () => number = () => performance.now()) {
  const openedAt = new Map<string, number>();
  return {
    of(session: string): Looks {
      const keyOf = (what: string) => JSON.stringify([session, what]);
      return {
        opened(what) {
          openedAt.delete(keyOf(what));
          openedAt.set(keyOf(what), now());
          const [oldest] = openedAt.keys();
          if (openedAt.size > mostLooks && oldest !== undefined) openedAt.delete(oldest);
        },
        isOpen(what) {
          const at = openedAt.get(keyOf(what));
          return at !== undefined && now() - at < lookMs;
        },
      };
    },
  };
}
