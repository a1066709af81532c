import { setTimeout as delay } from "node:timers/promises";

/** What was seen at a database when it was last looked at. */
export interface Look<Seen> {
  /** The database, as {@link LookOptions.place} has it. */
  readonly place: string;
  readonly what: string;
  /** Of the last look that came to its end; undefined while none has. */
  readonly seen: Seen | undefined;
  /** When that was, in seconds since 1970; 0 while there was none. */
  readonly seenAt: number;
  /**
   * Looks again, unless that was done a moment ago, and waits a moment for it. What does not answer is waited
   * for no longer; what it says later is there next time. Never rejects.
   */
  refresh(): Promise<void>;
}

export interface LookOptions<Seen> {
  /** Which database: host, port and name. */
  readonly place: string;
  /** What is looked at there. */
  readonly what: "source" | "central" | "capture";
  readonly look: () => Promise<Seen>;
  /** Called when a look fails after one that did not. */
  readonly onFailure: (error: unknown) => void;
  /** From the beginning of one look to that of the next at least, in milliseconds; default 10,000. */
  readonly everyMs?: number;
  /** How long whoever asks waits, in milliseconds; default 500. */
  readonly patienceMs?: number;
}

/** Asks a database now and then, at most one question at a time, however often others ask for the answer. */
export function createLook<Seen>(options: LookOptions<Seen>): Look<Seen> {
  const { place, what, look, onFailure, everyMs = 10_000, patienceMs = 500 } = options;
  let seen: Seen | undefined;
  let seenAt = 0;
  let beganAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | undefined;
  let failing = false;

  async function lookOnce(): Promise<void> {
    beganAt = performance.now();
    try {
      seen = await look();
      seenAt = Date.now() / 1000;
      failing = false;
    } catch (error) {
      if (!failing) onFailure(error);
      failing = true;
    }
    looking = undefined;
  }

  return {
    place,
    what,
    get seen() {
      return seen;
    },
    get seenAt() {
      return seenAt;
    },
    async refresh() {
      if (looking === undefined && performance.now() - beganAt >= everyMs) looking = lookOnce();
      if (looking === undefined) return;
      const patience = new AbortController();
      const waited = delay(patienceMs, undefined, { signal: patience.signal }).catch(() => {});
      await Promise.race([looking, waited]);
      patience.abort();
    },
  };
}
