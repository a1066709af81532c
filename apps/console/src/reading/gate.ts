/** Lets so many pieces of work run at the same time; the others wait in line. */
export interface Gate {
  /** @throws {BusyError} where the line is full. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Whether nobody is in, and nobody waits. */
  readonly isIdle: boolean;
}

export interface GateOptions {
  /** How many may wait; default: any number. */
  readonly inLine?: number;
  /** Work that takes longer holds up those in line no more, in milliseconds; default: it does. */
  readonly yieldsAfterMs?: number;
  /** How many may run in any case, those that take long among them; default: any number. */
  readonly most?: number;
}

/** Too many wait already. */
export class BusyError extends Error {
  constructor(
    message = "more is being asked of the console than it can do; try again in a moment",
  ) {
    super(message);
    this.name = "BusyError";
  }
}

/** @param atATime from 1. */
export function createGate(
  atATime: number,
  {
    inLine = Number.POSITIVE_INFINITY,
    yieldsAfterMs,
    most = Number.POSITIVE_INFINITY,
  }: GateOptions = {},
): Gate {
  const line: (() => void)[] = [];
  /** Those that hold up the others, and all that run. */
  let holding = 0;
  let running = 0;
  const mayBegin = () => holding < atATime && running < most;
  const begin = () => {
    holding += 1;
    running += 1;
  };
  const letIn = () => {
    while (mayBegin()) {
      const next = line.shift();
      if (next === undefined) return;
      begin();
      next();
    }
  };
  return {
    get isIdle() {
      return running === 0 && line.length === 0;
    },
    async run(work) {
      if (line.length === 0 && mayBegin()) begin();
      else if (line.length >= inLine) throw new BusyError();
      else await new Promise<void>((resolve) => line.push(resolve));
      let isHolding = true;
      const yieldPlace = () => {
        if (!isHolding) return;
        isHolding = false;
        holding -= 1;
        letIn();
      };
      const timer = yieldsAfterMs === undefined ? undefined : setTimeout(yieldPlace, yieldsAfterMs);
      try {
        return await work();
      } finally {
        clearTimeout(timer);
        running -= 1;
        yieldPlace();
        letIn();
      }
    },
  };
}

/** A gate for each key; those in which nobody is are forgotten. */
export function createGates(atATime: number, options: GateOptions = {}) {
  const gates = new Map<string, Gate>();
  return {
    async run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
      const gate = gates.get(key) ?? createGate(atATime, options);
      gates.set(key, gate);
      try {
        return await gate.run(work);
      } finally {
        if (gate.isIdle) gates.delete(key);
      }
    },
  };
}
