/** Lets so many pieces of work run at the same time; the others wait in line. */
export interface Gate {
  /** @throws {BusyError} where the line is full. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
}

export interface GateOptions {
  readonly inLine?: number;
  readonly yieldsAfterMs?: number;
}

/** Too many wait already. */
export class BusyError extends Error {
  constructor() {
    super("more is being asked of the console than it can do; try again in a moment");
    this.name = "BusyError";
  }
}

/**
 * @param atATime from 1.
 * @param inLine how many may wait; default: any number.
 * @param yieldsAfterMs work that takes longer holds up those in line no more, in milliseconds; default: it does.
 */
export function createGate(
  atATime: number,
  { inLine = Number.POSITIVE_INFINITY, yieldsAfterMs }: GateOptions = {},
): Gate {
  const line: (() => void)[] = [];
  let free = atATime;
  const leave = () => {
    const next = line.shift();
    if (next === undefined) free += 1;
    else next();
  };
  return {
    async run(work) {
      if (free > 0) free -= 1;
      else if (line.length >= inLine) throw new BusyError();
      else await new Promise<void>((resolve) => line.push(resolve));
      let isIn = true;
      const leaveOnce = () => {
        if (isIn) leave();
        isIn = false;
      };
      const timer = yieldsAfterMs === undefined ? undefined : setTimeout(leaveOnce, yieldsAfterMs);
      try {
        return await work();
      } finally {
        clearTimeout(timer);
        leaveOnce();
      }
    },
  };
}
