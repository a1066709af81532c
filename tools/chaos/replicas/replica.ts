import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Link } from "../proxy/link.ts";
import { Turns } from "../run/turns.ts";
import { ReplicaLog } from "./replica-log.ts";

export interface ReplicaOptions {
  readonly name: string;
  readonly toCentral: Link;
  readonly toSources: readonly Link[];
  readonly environment: Readonly<Record<string, string>>;
}

/** How an ordered stop went: `late` is one that had to be killed in the end. */
export type Stopped = "in order" | "killed by somebody else" | "late" | `with code ${number}`;

const cli = dirname(createRequire(import.meta.url).resolve("@centralcloud/cli"));
const program = join(cli, "../bin/centralcloud.mjs");

/** Loaded before the program: ends it when the suite has gone without stopping it, as after a SIGKILL. */
const guard = `data:text/javascript,${encodeURIComponent(
  "const parent = process.ppid; setInterval(() => process.ppid === parent || process.exit(1), 500).unref();",
)}`;

/** A `centralcloud consume` as its own process, which is killed and started again, over and over. */
export class Replica {
  readonly name: string;
  readonly toCentral: Link;
  readonly toSources: readonly Link[];
  readonly log = new ReplicaLog();
  /** One fault at a time. Only {@link kill} may come in between. */
  readonly turns = new Turns();
  /** Ends that nobody ordered, in words. */
  readonly unexpectedEnds: string[] = [];
  readonly #environment: Readonly<Record<string, string>>;
  readonly #doomed = new WeakSet<ChildProcess>();
  #child: ChildProcess | undefined;
  #isRetired = false;

  constructor(options: ReplicaOptions) {
    this.name = options.name;
    this.toCentral = options.toCentral;
    this.toSources = options.toSources;
    this.#environment = options.environment;
  }

  /** Nothing happens while it lives. */
  start(): void {
    if (this.#child !== undefined || this.#isRetired) return;
    const child = spawn(process.execPath, ["--import", guard, program, "consume"], {
      env: { PATH: process.env.PATH ?? "", ...this.#environment },
      // Away from the checkout, whose `.data` would name other databases.
      cwd: "/",
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    this.log.follow(child.stdout, child.stderr);
    child.once("exit", (code, signal) => this.#ended(child, code ?? signal ?? "nothing"));
  }

  /** SIGKILL: no last words, no cleaning up. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#doomed.add(child);
    child.kill("SIGKILL");
    await endOf(child);
  }

  /** Stops it in the middle of whatever it does, for so long. */
  async suspend(ms: number, signal: AbortSignal): Promise<void> {
    const child = this.#child;
    child?.kill("SIGSTOP");
    await delay(ms, undefined, { signal }).catch(() => {});
    child?.kill("SIGCONT");
  }

  /** Asks it to stop, and waits until it has; one that has not after `timeoutMs` is killed. */
  async stop(timeoutMs: number): Promise<Stopped> {
    const child = this.#child;
    if (child === undefined) return "killed by somebody else";
    let isLate = false;
    this.#doomed.add(child);
    child.kill("SIGTERM");
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, timeoutMs);
    await endOf(child).finally(() => clearTimeout(timer));
    if (isLate) return "late";
    // Null after a signal: a kill, or SIGTERM before it had begun to listen for it.
    if (child.exitCode === null) return "killed by somebody else";
    return child.exitCode === 0 ? "in order" : `with code ${child.exitCode}`;
  }

  /** It is not started again, whoever asks. */
  retire(): void {
    this.#isRetired = true;
  }

  #ended(child: ChildProcess, how: number | string): void {
    this.#child = undefined;
    if (this.#doomed.has(child)) return;
    const lines = this.log.lastLines().slice(-18).join("\n    ");
    this.unexpectedEnds.push(
      `${this.name} ended by itself (${how}); its last lines:\n    ${lines}`,
    );
    this.start();
  }
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}
