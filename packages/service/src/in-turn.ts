import { pause, untilAborted } from "./pause.ts";

export interface Turns {
  /** Items that are worked on at the same time. */
  readonly limit: number;
  /** Work that has not called `answered` by then holds up the next ones no longer, in milliseconds; default: it does. */
  readonly answerTimeoutMs?: number;
}

/** Starts work on each item; those who wait for one promise may leave the others alone. */
function startInTurn<Item, Result>(
  items: readonly Item[],
  { limit, answerTimeoutMs }: Turns,
  work: (item: Item, answered: () => void) => Promise<Result>,
): readonly Promise<Result>[] {
  const waiting: (() => void)[] = [];
  let free = limit;
  const leave = () => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };
  return items.map((item) => {
    const run = async () => {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      const answered = new AbortController();
      const ended = new AbortController();
      const result = work(item, () => answered.abort());
      const end = () => {
        answered.abort();
        ended.abort();
      };
      result.then(end, end);
      void waitForTurn(answered.signal, ended.signal, answerTimeoutMs).then(leave);
      return await result;
    };
    const promise = run();
    promise.catch(() => {});
    return promise;
  });
}

async function waitForTurn(
  answered: AbortSignal,
  ended: AbortSignal,
  answerTimeoutMs: number | undefined,
): Promise<void> {
  if (answerTimeoutMs !== undefined) {
    await pause(answerTimeoutMs, answered);
    if (!answered.aborted) return;
  }
  await untilAborted(ended);
}

/** Works on each item, some at a time, in their order. Waits for all of them; then it rejects with the first error, in that order. */
export async function mapInTurn<Item, Result>(
  items: readonly Item[],
  turns: Turns,
  work: (item: Item, answered: () => void) => Promise<Result>,
): Promise<Result[]> {
  const results = startInTurn(items, turns, work);
  await Promise.allSettled(results);
  const all: Result[] = [];
  for (const result of results) all.push(await result);
  return all;
}
