import type { TakeTurn } from "@centralcloud/inspect";

/** Connections that pages have to one database at the same time. */
const mostOfPages = 4;

/**
 * Turns at databases: so many questions at a time at each, the others in the order in which they came. Whoever does not
 * wait any more leaves the line.
 */
export function createTurns(most = mostOfPages): TakeTurn {
  const databases = new Map<string, { taken: number; readonly line: (() => void)[] }>();
  return async (url, signal) => {
    const database = databases.get(url) ?? { taken: 0, line: [] };
    databases.set(url, database);
    if (database.taken < most) database.taken += 1;
    else await inLine(database.line, signal);
    let isLeft = false;
    return () => {
      if (isLeft) return;
      isLeft = true;
      const next = database.line.shift();
      if (next !== undefined) next();
      else database.taken -= 1;
      if (database.taken === 0) databases.delete(url);
    };
  };
}

function inLine(line: (() => void)[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const take = () => {
      signal.removeEventListener("abort", leave);
      resolve();
    };
    const leave = () => {
      line.splice(line.indexOf(take), 1);
      reject(signal.reason);
    };
    line.push(take);
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
  });
}
