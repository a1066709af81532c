import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Of a checkout that is built. */
const programOf = (folder: string) => join(folder, "apps/cli/bin/centralcloud.mjs");

const ownCheckout = fileURLToPath(new URL("../../..", import.meta.url));

let checkout = ownCheckout;

/** Whether a folder is a checkout whose programs can be started. */
export function isBuiltCheckout(folder: string): boolean {
  return existsSync(programOf(folder)) && existsSync(join(folder, "apps/cli/dist"));
}

/** The folder whose programs are started now. */
export function checkoutInUse(): string {
  return checkout;
}

/** Does something with the programs of another checkout; only one at a time. */
export async function withCheckout<Result>(
  folder: string,
  work: () => Promise<Result>,
): Promise<Result> {
  checkout = folder;
  try {
    return await work();
  } finally {
    checkout = ownCheckout;
  }
}

/** What a process used; undefined where there is no /proc to read it from. */
export interface Usage {
  /** The most memory it ever had, in bytes (VmHWM). */
  readonly peakBytes: number;
  /** Memory at each look, in bytes, oldest first (VmRSS). */
  readonly resident: readonly number[];
  /** Processor time of its threads, in milliseconds, at the last look. */
  readonly cpuMs: number;
}

export interface FinishedProgram {
  readonly exitCode: number | null;
  readonly stdout: string;
  /** From the moment before the process was made to the moment after it ended. */
  readonly wallMs: number;
  readonly usage: Usage | undefined;
}

export interface Program {
  readonly child: ChildProcess;
  readonly finished: Promise<FinishedProgram>;
}

/** How often a process is looked at, in milliseconds. */
const lookMs = 100;

/** Linux counts processor time in hundredths of a second. */
const msPerTick = 10;

const running = new Set<ChildProcess>();

/** Ends everything that still runs, when the bench is ended itself. */
export function killPrograms(): void {
  for (const child of running) child.kill("SIGKILL");
}

export function startCentralcloud(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): Program {
  return startProgram(programOf(checkout), words, environment);
}

/**
 * Starts a Node program with nothing in its environment but what is given. Its log goes to a file, and
 * is shown only where it fails: to read it meanwhile would cost the machine what is measured.
 */
export function startProgram(
  file: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): Program {
  const folder = mkdtempSync(join(tmpdir(), "centralcloud-bench-"));
  const log = join(folder, "log");
  const logFile = openSync(log, "w");
  const startedAt = performance.now();
  const child = spawn(process.execPath, [file, ...words], {
    env: { PATH: process.env.PATH ?? "", ...environment },
    // Away from the checkout, whose `.data` would name other databases.
    cwd: "/",
    stdio: ["ignore", "pipe", logFile],
  });
  closeSync(logFile);
  running.add(child);
  const watch = watchUsage(child.pid);
  let stdout = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  const exited = once(child, "exit").then(() => performance.now() - startedAt);
  const finished = Promise.all([once(child, "close"), exited]).then(
    ([[code], wallMs]): FinishedProgram => {
      const usage = watch.end();
      running.delete(child);
      const exitCode = code as number | null;
      if (exitCode !== 0) process.stderr.write(readFileSync(log, "utf8").slice(-4_000));
      rmSync(folder, { recursive: true, force: true });
      return { exitCode, stdout, wallMs, usage };
    },
  );
  return { child, finished };
}

function watchUsage(pid: number | undefined): { end(): Usage | undefined } {
  const resident: number[] = [];
  let peakBytes = 0;
  let cpuMs = 0;
  const look = () => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      const kilobytes = (name: string) =>
        Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
      const now = kilobytes("VmRSS") * 1024;
      if (now === 0) return; // It has just ended.
      resident.push(now);
      peakBytes = kilobytes("VmHWM") * 1024;
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
      cpuMs = (Number(fields[11]) + Number(fields[12])) * msPerTick;
    } catch {
      // No /proc here, or the process has ended.
    }
  };
  const timer = setInterval(look, lookMs);
  return {
    end() {
      clearInterval(timer);
      return resident.length === 0 ? undefined : { peakBytes, resident, cpuMs };
    },
  };
}

/** Waits for a program and gives the JSON that its output ends with. */
export async function reportOf<Report>(
  program: Program,
): Promise<FinishedProgram & { readonly report: Report }> {
  const finished = await program.finished;
  if (finished.exitCode !== 0) {
    throw new Error(
      `a program under measurement ended with ${finished.exitCode}: ${finished.stdout}`,
    );
  }
  const lastLine = finished.stdout.trim().split("\n").at(-1) ?? "";
  return { ...finished, report: JSON.parse(lastLine) as Report };
}
