import type { Observe, PartObservation } from "./observation.ts";
import { overtimeMs, type Part } from "./part.ts";

/**
 * Signals that ask a program to stop in order. SIGHUP comes when a terminal closes; nothing is reloaded by it, since
 * settings are read once, so whoever sends it to have new ones read gets a stop and starts the program again.
 */
export const stopSignals = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const;

/** One Ctrl-C can arrive twice: from the terminal, and again from npm, which forwards it at once. */
const echoMs = 200;

/** From when its parts have to be through until the program is ended by force, in milliseconds. */
const forceMs = 250;

/** How long a program that has done everything may take to end by itself, in milliseconds. */
const lingerMs = 1_000;

/**
 * Calls `stop` for the first signal that asks for a stop. A second one ends the process at once, with exit code 1:
 * what was in flight comes back when its lease ends. A terminal that closes takes standard output with it, which must
 * not end the process before it has stopped in order.
 *
 * @returns how to listen no more.
 */
function onStopSignal(stop: (signal: NodeJS.Signals) => void): () => void {
  let askedAt: number | undefined;
  const listen = (signal: NodeJS.Signals) => {
    if (askedAt !== undefined) {
      if (performance.now() - askedAt > echoMs) process.exit(1);
      return;
    }
    askedAt = performance.now();
    stop(signal);
  };
  const ignore = () => {};
  for (const signal of stopSignals) process.on(signal, listen);
  for (const stream of [process.stdout, process.stderr]) stream.on("error", ignore);
  return () => {
    for (const signal of stopSignals) process.off(signal, listen);
    for (const stream of [process.stdout, process.stderr]) stream.off("error", ignore);
  };
}

/**
 * Lets a program end quietly whose reader has gone, as `head` does when it has seen enough: what is written after that
 * goes nowhere, and what the program does is done to its end. To be called before anything is written.
 *
 * @param onGone is called once, when that is noticed.
 */
export function letReadersGo(onGone: () => void = () => {}): void {
  let isGone = false;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      if (!isGone) onGone();
      isGone = true;
    });
  }
}

/** From the end of the grace period until connections are cut that somebody still waits for, in milliseconds. */
const cutAfterMs = 1_000;

export interface Program {
  /** How long what is in flight may continue after the signal, in seconds. */
  readonly graceS: number;
  readonly observe: Observe<PartObservation>;
  /** Closes every connection of this process at once, so that nobody waits any more for one that says nothing. */
  readonly cutConnections: () => void;
}

/**
 * Runs a part until a signal asks for a stop, then stops it within the grace period. Whatever is open, the process
 * ends within that and two seconds: what it has not closed by then is named in `stop-overdue`, and the exit code is 1.
 */
export async function runUntilSignal(part: Part, program: Program): Promise<void> {
  const { graceS, observe, cutConnections } = program;
  let resolve: (signal: NodeJS.Signals) => void = () => {};
  const signalled = new Promise<NodeJS.Signals>((settle) => {
    resolve = settle;
  });
  const tell = (open: readonly string[]) => observe({ event: "stop-overdue", open });
  const ignoreSignals = onStopSignal((signal) => {
    const longestMs = graceS * 1000 + overtimeMs + forceMs;
    programEndsAt = performance.now() + longestMs;
    endWithin(longestMs, tell, programEndsAt);
    setTimeout(cutConnections, graceS * 1000 + cutAfterMs).unref();
    resolve(signal);
  });
  try {
    const starting = part.start();
    // A failed start ends the run; a signal that comes first ends the start.
    const signal = await Promise.race([signalled, starting.then(() => signalled)]);
    observe({ event: "stop-requested", signal });
    await part.stop(graceS * 1000);
    await starting.catch(() => {});
  } finally {
    ignoreSignals();
    if (programEndsAt !== undefined) endWithin(lingerMs, tell);
  }
}

/**
 * Gives work a signal that is aborted by whatever asks for a stop, so that it can end in order. Work that takes
 * longer than that is ended with its process, and what was still open is named.
 *
 * @param longestMs milliseconds from the signal to the end; default 10,000.
 */
export async function withInterrupt<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
  longestMs = 10_000,
): Promise<Result> {
  const controller = new AbortController();
  let isOver = false;
  const ignoreSignals = onStopSignal(() => {
    controller.abort();
    setTimeout(() => {
      if (!isOver) endOverdue(tellOnStandardError);
    }, longestMs).unref();
  });
  try {
    return await work(controller.signal);
  } finally {
    isOver = true;
    ignoreSignals();
  }
}

/**
 * Lets a program that has nothing more to do end by itself; after so many milliseconds it is ended, with exit code 1,
 * and what kept it is told. What is open counts, not what is waited for: a timer of ours keeps nobody.
 *
 * @param deadline of the monotonic clock, until which names may be looked up: nothing ends a lookup, and the exit
 *   of a process waits for it, too.
 */
export function endWithin(
  ms = lingerMs,
  tell: (open: readonly string[]) => void = tellOnStandardError,
  deadline = programEndsAt ?? performance.now() + lookupsMs,
): void {
  const end = () => {
    const leftMs = deadline - performance.now();
    const isOnlyLookups = whatIsOpen().every((name) => name.endsWith(lookup));
    if (isOnlyLookups && leftMs > 0) endWithin(Math.min(leftMs, lookupCheckMs), tell, deadline);
    else endOverdue(tell);
  };
  setTimeout(end, Math.max(0, ms)).unref();
}

/** When the program that was asked to stop has to have ended, by the monotonic clock. */
let programEndsAt: number | undefined;

/** How long a command that is done waits for names that are still being looked up. */
const lookupsMs = 5_000;

/** How often it is seen whether names are still being looked up. */
const lookupCheckMs = 100;

/**
 * Bounds how long a name server that says nothing is waited for: two tries of a second each, instead of the ten seconds
 * and more that glibc takes, which are more than a connection may take to be made. To be called before the first lookup.
 */
export function boundLookups(environment: NodeJS.ProcessEnv = process.env): void {
  environment.RES_OPTIONS ??= "timeout:1 attempts:2";
}

function tellOnStandardError(open: readonly string[]): void {
  console.error(`centralcloud: ended by force; still open: ${open.join(", ")}`);
}

function endOverdue(tell: (open: readonly string[]) => void): never {
  tell(whatIsOpen());
  process.exit(1);
}

/** What keeps this process alive, in words: connections by their address, anything else by its kind. */
function whatIsOpen(): readonly string[] {
  const counts = new Map<string, number>();
  for (const name of [...openSockets(), ...otherResources()]) {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => (count === 1 ? name : `${count} × ${name}`));
}

interface SocketLike {
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  readonly connecting?: boolean;
}

/** Node has no documented way to the sockets themselves; without this one, their number is told. */
function openSockets(): string[] {
  const { _getActiveHandles: list } = process as { _getActiveHandles?: () => SocketLike[] };
  return (list?.call(process) ?? []).flatMap(({ remoteAddress, remotePort, connecting }) => {
    if (connecting === true) return "a connection attempt";
    return remotePort === undefined ? [] : `a connection to ${remoteAddress}:${remotePort}`;
  });
}

const lookup = "a name that is being looked up";

const kinds: Readonly<Record<string, string>> = {
  TCPServerWrap: "a listening port",
  MessagePort: "a thread",
  GetAddrInfoReqWrap: lookup,
  ProcessWrap: "a child process",
  Timeout: "a timer",
};

/** Standard output and what is told by `openSockets` left out. */
function otherResources(): string[] {
  const told = new Set(["TCPSocketWrap", "TCPConnectWrap", "TTYWrap", "PipeWrap", "CloseReq"]);
  return process
    .getActiveResourcesInfo()
    .filter((kind) => !told.has(kind))
    .map((kind) => kinds[kind] ?? kind);
}
