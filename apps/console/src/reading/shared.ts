import type { AskOptions } from "@centralcloud/inspect";
import type { Answers } from "@centralcloud/service";

/**
 * What searches whole tables is read once for everybody, and kept for a while: however many people load a page, a
 * database is asked by one of them.
 */
export interface SharedReads {
  /**
   * @param name of what is read; the same name always reads the same.
   * @param keepMs how long an answer is kept; one that is not whole is kept for a moment only.
   */
  read<Value>(
    name: string,
    keepMs: number,
    read: (asking: AskOptions) => Promise<Answers<Value>>,
  ): Promise<Answers<Value>>;
  /** Gives up what is being read, and waits until no connection is open. */
  stop(): Promise<void>;
}

/** Names that are kept at most: the one that was asked for longest ago is forgotten first. */
const mostKept = 200;

/** How long an answer is kept of which something is missing, in milliseconds. */
const partialMs = 1_000;

interface Kept {
  readonly reading: Promise<Answers<unknown>>;
  /** Milliseconds of the monotonic clock; infinite while it is being read. */
  until: number;
}

export function createSharedReads(asking: AskOptions): SharedReads {
  const kept = new Map<string, Kept>();
  const running = new Set<Promise<unknown>>();
  const ended = new AbortController();
  const limits = { ...asking, signal: ended.signal };
  return {
    async read<Value>(
      name: string,
      keepMs: number,
      read: (asking: AskOptions) => Promise<Answers<Value>>,
    ) {
      const before = kept.get(name);
      const isFresh = before !== undefined && performance.now() < before.until;
      const one: Kept = isFresh
        ? before
        : { reading: read(limits), until: Number.POSITIVE_INFINITY };
      kept.delete(name);
      kept.set(name, one);
      if (kept.size > mostKept) kept.delete(kept.keys().next().value ?? "");
      if (!isFresh) {
        const settled = one.reading.then(
          ({ unreachable, failed }) => {
            const isWhole = unreachable.length + failed.length === 0;
            one.until = performance.now() + (isWhole ? keepMs : partialMs);
          },
          // A mistake in what was asked.
          () => kept.delete(name),
        );
        running.add(settled);
        void settled.finally(() => running.delete(settled));
      }
      return (await one.reading) as Answers<Value>;
    },
    async stop() {
      ended.abort();
      await Promise.all(running);
    },
  };
}
