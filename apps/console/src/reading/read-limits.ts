import { BusyError, createGate, createGates } from "./gate.ts";

/** How many pages are read at the same time, for everybody and for one session. */
const limits = {
  atATime: 16,
  /** One that takes longer than this does not hold up the others, in milliseconds. */
  yieldsAfterMs: 2_000,
  /** In any case, those that take long among them. */
  most: 48,
  inLine: 128,
  /** Of one session; a browser asks for six at once. */
  ofSession: 8,
  ofSessionInLine: 16,
  /** Files, whose reader may take hours. */
  downloads: 8,
} as const;

/** One session asks for more at once than a person reads. */
export class SessionBusyError extends BusyError {
  constructor() {
    super("more pages were asked for at once than are read for one person");
    this.name = "SessionBusyError";
  }
}

/** Bounds what is read at the same time: one session can't take the others' turns, and all together not every connection. */
export interface ReadLimits {
  /**
   * @param kind a download takes no place of a page.
   * @throws {BusyError} {@link SessionBusyError} where too many wait already.
   */
  run<Result>(
    session: string,
    kind: "page" | "download",
    work: () => Promise<Result>,
  ): Promise<Result>;
}

export function createReadLimits(): ReadLimits {
  const { atATime, yieldsAfterMs, most, inLine, ofSession, ofSessionInLine, downloads } = limits;
  const all = {
    page: createGate(atATime, { inLine, yieldsAfterMs, most }),
    download: createGate(downloads, { inLine: 0 }),
  };
  const sessions = createGates(ofSession, { inLine: ofSessionInLine });
  return {
    async run(session, kind, work) {
      let isIn = false;
      return await sessions
        .run(session, () => {
          isIn = true;
          return all[kind].run(work);
        })
        .catch((error: unknown) => {
          throw error instanceof BusyError && !isIn ? new SessionBusyError() : error;
        });
    },
  };
}
