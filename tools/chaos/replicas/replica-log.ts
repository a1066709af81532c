import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** What a replica's log says of itself; lines that it had not written when it was killed are missing. */
export interface Tally {
  merged: number;
  duplicates: number;
  /** How often each event was logged. */
  readonly events: Map<string, number>;
  /** How often each SQLSTATE, or code of the network, was met. */
  readonly faultCodes: Map<string, number>;
}

export function emptyTally(): Tally {
  return { merged: 0, duplicates: 0, events: new Map(), faultCodes: new Map() };
}

const keptLines = 40;

/** Follows what a replica writes, over all its lives. */
export class ReplicaLog {
  readonly tally = emptyTally();
  readonly #lastLines: string[] = [];
  /** Where it answers `/readyz`, as its log says; undefined until then. */
  httpPort: number | undefined;

  follow(stdout: Readable, stderr: Readable): void {
    this.httpPort = undefined;
    createInterface(stdout).on("line", (line) => this.#read(line));
    createInterface(stderr).on("line", (line) => this.#keep(line));
  }

  lastLines(): readonly string[] {
    return this.#lastLines;
  }

  #read(line: string): void {
    const entry = parse(line);
    const event = entry?.msg;
    if (entry === undefined || typeof event !== "string") {
      this.#keep(line);
      return;
    }
    count(this.tally.events, event);
    if (event === "batch-merged") {
      this.tally.merged += Number(entry.merged ?? 0);
      this.tally.duplicates += Number(entry.duplicates ?? 0);
    }
    if (event.endsWith("-fault") && "code" in entry) {
      count(this.tally.faultCodes, String(entry.code));
    }
    const port = /^port (\d+)$/.exec(String(entry.detail ?? ""));
    if (event === "part-started" && port !== null) this.httpPort = Number(port[1]);
    // The daily work of a lane says nothing about why a process ended.
    if (!event.startsWith("batch-")) this.#keep(line);
  }

  #keep(line: string): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > keptLines) this.#lastLines.shift();
  }
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
