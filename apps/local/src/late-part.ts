import { definePart, type Part } from "@centralcloud/service";

/** A part that can only be made once those before it have started: it needs their addresses. */
export function createLatePart(name: string, make: () => Part): Part {
  let part: Part | undefined;
  return definePart({
    name,
    async start(signal) {
      part = make();
      await startUnder(part, signal);
    },
    async stop(graceMs) {
      await part?.stop(graceMs);
    },
  });
}

/** Starts a part inside another one's start, whose abort stops it. */
export async function startUnder(part: Part, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  // Whoever aborted the start stops the part again, and hears of it if that fails.
  const stop = () => void part.stop().catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  await part.start().finally(() => signal.removeEventListener("abort", stop));
}

/** Waits for work that can't be aborted, but no longer than until the abort. */
export async function unlessAborted<Value>(
  work: Promise<Value>,
  signal: AbortSignal,
): Promise<Value> {
  let abort: () => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
  });
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
