import { readFileSync } from "node:fs";
import { ConfigurationError } from "./configuration.ts";

/*
 * `ulimit -v` limits the address space of a process: not memory, but numbers that memory could have. Node reserves
 * much more of them than it uses. WebAssembly reserves ten gigabytes for each memory, and fails at once below that.
 */

/** What Node needs for one thread with its heap; measured with Node 20 and 24. */
const leastBytes = 1_400 * 1024 * 1024;

/** What each further thread needs for a heap of its own. */
const threadBytes = 256 * 1024 * 1024;

/** How many bytes of address space this process may have; undefined where nothing limits it, or nobody knows. */
export function addressSpaceLimit(limits = readLimits()): number | undefined {
  const soft = /^Max address space\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

function readLimits(): string {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return "";
  }
}

/** @throws {ConfigurationError} where too little is left to begin with. */
export function assertAddressSpace(limit = addressSpaceLimit()): void {
  if (limit !== undefined && limit < leastBytes) {
    throw new ConfigurationError([tooLittle(limit, leastBytes)]);
  }
}

/**
 * Takes away what needs WebAssembly and is not needed here: Node's own `fetch`, which libraries load, when they are
 * imported, only to find out where they run. Where the address space is limited, that ends the process.
 */
export function leaveOutWebAssembly(limit = addressSpaceLimit()): void {
  if (limit === undefined || hasWebAssembly()) return;
  for (const name of ["fetch", "Response", "Request", "Headers", "FormData", "WebSocket"]) {
    Reflect.deleteProperty(globalThis, name);
  }
}

/**
 * How many threads fit beside the main one, of as many as are wanted.
 *
 * @throws {ConfigurationError} where not even one does.
 */
export function threadsThatFit(wanted: number, limit = addressSpaceLimit()): number {
  if (limit === undefined) return wanted;
  const fitting = Math.floor((limit - leastBytes) / threadBytes);
  if (fitting < 1) throw new ConfigurationError([tooLittle(limit, leastBytes + threadBytes)]);
  return Math.min(wanted, fitting);
}

function tooLittle(limit: number, needed: number): string {
  const megabytes = (bytes: number) => `${Math.floor(bytes / (1024 * 1024))} MB`;
  return `the address space of this process is limited to ${megabytes(limit)} (ulimit -v), and it needs ${megabytes(needed)}: raise that limit, and limit memory by a cgroup instead`;
}

/** The lib of TypeScript that we compile for does not know it. */
interface WebAssemblyMemory {
  readonly Memory: new (description: { readonly initial: number }) => object;
}

function hasWebAssembly(): boolean {
  const { WebAssembly } = globalThis as { WebAssembly?: WebAssemblyMemory };
  try {
    return WebAssembly !== undefined && new WebAssembly.Memory({ initial: 1 }) !== undefined;
  } catch {
    return false;
  }
}
