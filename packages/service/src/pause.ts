/** Waits for so many milliseconds (none when negative, as the rest of a deadline may be), or until the signal is aborted; never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, ms));
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}

/** Resolves when the signal is aborted. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Waits until a promise is settled, for `ms` milliseconds at most; never rejects. */
export async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  await isSettledWithin(promise, ms);
}

/** The same, and whether it was. */
export async function isSettledWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const settled = new AbortController();
  const end = () => settled.abort();
  promise.then(end, end);
  await pause(ms, settled.signal);
  // A promise that is settled already says so only after the others of this moment.
  await Promise.resolve();
  return settled.signal.aborted;
}
