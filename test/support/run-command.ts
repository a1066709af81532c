import { AsyncLocalStorage } from "node:async_hooks";
import { format } from "node:util";
import { runCommandLine } from "@centralcloud/cli";
import type { Finished } from "./command.ts";

/** What one command has written so far. */
interface Output {
  stdout: string;
  stderr: string;
}

const outputs = new AsyncLocalStorage<Output>();

/**
 * Runs `centralcloud` in this process, with nothing in its environment but what is given; several may run
 * at once. Starting a process costs half a second of a core, which is many times what most commands do. Not for
 * commands that end by signals, or that log: see `startCommand` and `runCommandAlone`.
 */
export async function runCommand(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Finished> {
  // Away from the checkout, whose `.data` would name other databases.
  return await runCommandWith(words, { INIT_CWD: "/", ...environment });
}

/** The same, with the very environment that is given. */
export async function runCommandWith(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Finished> {
  const output: Output = { stdout: "", stderr: "" };
  const exitCode = await outputs.run(output, () => runCommandLine(words, environment));
  return { exitCode, ...output };
}

/** What is written while a command runs is its output; whatever else is written goes where it went. */
function divert(name: "stdout" | "stderr", methods: readonly ("log" | "warn" | "error")[]): void {
  const stream = process[name];
  const write = stream.write.bind(stream) as (...given: unknown[]) => boolean;
  stream.write = (...given: unknown[]): boolean => {
    const output = outputs.getStore();
    if (output === undefined) return write(...given);
    const [chunk, ...more] = given;
    output[name] += typeof chunk === "string" ? chunk : Buffer.from(chunk as Uint8Array).toString();
    const done = more.at(-1);
    if (typeof done === "function") process.nextTick(done as () => void);
    return true;
  };
  for (const method of methods) {
    const print = console[method].bind(console);
    console[method] = (...given: unknown[]) => {
      const output = outputs.getStore();
      if (output === undefined) print(...given);
      else output[name] += `${format(...given)}\n`;
    };
  }
}

divert("stdout", ["log"]);
divert("stderr", ["warn", "error"]);
