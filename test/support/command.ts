import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { TestSystem } from "./databases.ts";

export const centralcloudProgram = fileURLToPath(
  new URL("../../apps/cli/bin/centralcloud.mjs", import.meta.url),
);

export interface Finished {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly child: ChildProcess;
  /** All that it has written to standard output so far. */
  readonly output: () => string;
  /** And to standard error. */
  readonly errors: () => string;
  readonly finished: Promise<Finished>;
}

/** Starts `centralcloud` as its own process, with nothing in its environment but what is given. */
export function startCommand(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): RunningCommand {
  const child = spawn(process.execPath, [centralcloudProgram, ...words], {
    env: { PATH: process.env.PATH ?? "", ...environment },
    // Away from the checkout, whose `.data` would name other databases.
    cwd: "/",
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const finished = once(child, "close").then(([code]) => {
    return { exitCode: code as number | null, stdout, stderr };
  });
  return { child, output: () => stdout, errors: () => stderr, finished };
}

/** Runs `centralcloud` in a process of its own, to its end. */
export function runCommandAlone(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Finished> {
  return startCommand(words, environment).finished;
}

export function environmentOf({ singularity, central }: TestSystem): Record<string, string> {
  return {
    SOURCE_DATABASE_URLS: singularity.url,
    CENTRAL_DATABASE_URL: central.url,
    CONSUMER_HTTP_PORT: "0",
  };
}
