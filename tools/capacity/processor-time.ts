import { readdirSync, readFileSync } from "node:fs";

/** Linux counts processor time in hundredths of a second. */
const msPerTick = 10;

interface Times {
  readonly parent: number;
  /** Of the process itself, in milliseconds. */
  readonly own: number;
  /** Of its children that have ended. */
  readonly ended: number;
}

/** Processor time of one process so far, all threads of it, in milliseconds. */
export function processMs(pid: number): number {
  return timesOf(pid)?.own ?? Number.NaN;
}

/** Processor time of a PostgreSQL server so far: its postmaster and all backends, those too that have ended. */
export function serverMs(postmaster: number): number {
  const whole = timesOf(postmaster);
  if (whole === undefined) throw new Error(`there is no process ${postmaster}; is this Linux?`);
  let sum = whole.own + whole.ended;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const times = timesOf(Number(name));
    if (times?.parent === postmaster) sum += times.own;
  }
  return sum;
}

/** The process that a backend belongs to. */
export function parentOf(pid: number): number {
  return timesOf(pid)?.parent ?? Number.NaN;
}

function timesOf(pid: number): Times | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name, in parentheses, may hold anything; what follows it is counted from the state.
    const fields = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const [, parent = 0] = fields;
    const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11, 15);
    const own = (user + system) * msPerTick;
    return { parent, own, ended: (endedUser + endedSystem) * msPerTick };
  } catch {
    return undefined;
  }
}
