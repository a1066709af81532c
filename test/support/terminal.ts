import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { centralcloudProgram } from "./command.ts";

/** Whether this machine has `script` of util-linux, which gives a program a terminal. */
const hasScript = /util-linux/.test(
  spawnSync("script", ["--version"], { encoding: "utf8" }).stdout ?? "",
);

/** Why tests on a terminal are skipped here; in CI they must run. */
export const skipsTerminal = !hasScript && !process.env.CI;

export interface TerminalCommand {
  /** All that the terminal got so far, with what steers it. */
  readonly output: () => string;
  /** What somebody presses; Ctrl-C is `\u0003`. */
  readonly type: (keys: string) => void;
  readonly finished: Promise<{ readonly exitCode: number | null; readonly output: string }>;
  readonly kill: () => void;
}

export interface TerminalSize {
  readonly columns?: number;
  readonly rows?: number;
}

/** Starts `centralcloud` on a terminal of its own, with nothing in its environment but what is given. */
export function startOnTerminal(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  { columns = 80, rows = 24 }: TerminalSize = {},
): TerminalCommand {
  const quoted = [process.execPath, centralcloudProgram, ...words].map(quote).join(" ");
  const line = `stty cols ${columns} rows ${rows}; exec ${quoted}`;
  const child = spawn("script", ["-qefc", line, "/dev/null"], {
    env: { PATH: process.env.PATH ?? "", SHELL: "/bin/sh", TERM: "xterm", ...environment },
    // Away from the checkout, whose `.data` would name other databases.
    cwd: "/",
    stdio: ["pipe", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stdin.on("error", () => {});
  const finished = once(child, "close").then(([code]) => {
    child.stdin.destroy();
    return { exitCode: code as number | null, output };
  });
  return {
    output: () => output,
    type: (keys) => void child.stdin.write(keys),
    finished,
    kill: () => void child.kill("SIGKILL"),
  };
}

/** Runs `centralcloud` on a terminal to its end. */
export function runOnTerminal(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  size?: TerminalSize,
) {
  return startOnTerminal(words, environment, size).finished;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are such
const colours = /\u001b\[\d*m/g;

/** What a terminal shows of colours, taken out. */
export function withoutColours(text: string): string {
  return text.replaceAll(colours, "");
}
