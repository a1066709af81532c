import { createReadStream, createWriteStream } from "node:fs";
import {
  type FileHandle,
  mkdtemp,
  open,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  unlink,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { ConfigurationError, type Environment } from "@centralcloud/service";
import { printError, warn } from "./output.ts";

/** A file that the operator named, from where they stand: `pnpm centralcloud` runs elsewhere. */
function locate(environment: Environment, file: string): string {
  return resolve(environment.INIT_CWD ?? process.cwd(), file);
}

/** In place of a file: standard input. */
const standardInput = "-";

/** Standard input, for a command that is told to read it. */
function openStandardInput(): NodeJS.ReadStream {
  if (process.stdin.isTTY) printError("reading standard input; Ctrl-D ends it");
  return process.stdin;
}

/** @throws {ConfigurationError} when the file that `option` names can't be read. */
export async function readNamedFile(
  environment: Environment,
  option: string,
  file: string,
): Promise<string> {
  try {
    if (file === standardInput) return await text(openStandardInput());
    return await readFile(locate(environment, file), "utf8");
  } catch (error) {
    throw new ConfigurationError([`${option} ${file}: it can't be read (${codeOf(error)})`]);
  }
}

/** Writes a file that is not there yet and that nobody else may read, and returns its whole path. */
export async function writeSecretFile(
  environment: Environment,
  file: string,
  content: string,
): Promise<string> {
  const { handle, path } = await createSecretFile(environment, file);
  await handle.writeFile(content).finally(() => handle.close());
  return path;
}

/** Makes a file that is not there yet and that nobody else may read. */
export async function createSecretFile(
  environment: Environment,
  file: string,
): Promise<{ readonly handle: FileHandle; readonly path: string }> {
  const path = locate(environment, file);
  try {
    return { handle: await open(path, "wx", 0o600), path };
  } catch (error) {
    const exists = codeOf(error) === "EEXIST";
    const why = exists ? "exists, and is not overwritten" : `can't be written (${codeOf(error)})`;
    throw new Error(`${file} ${why}`, { cause: error });
  }
}

/**
 * Replaces a file as a whole by what `change` makes of its content, and leaves it readable by its owner alone. Whoever
 * reads it meanwhile reads the old one or the new one. A file that is not there begins empty.
 *
 * @returns its whole path, and whether others could read it before.
 */
export async function replaceSecretFile(
  environment: Environment,
  file: string,
  change: (content: string) => Promise<string>,
): Promise<{ readonly path: string; readonly wasReadable: boolean }> {
  const given = locate(environment, file);
  // The file itself, where a link was named.
  const path = await realpath(given).catch(() => given);
  const temporary = `${path}.new`;
  const { handle } = await createSecretFile(environment, temporary);
  try {
    const before = await stat(path).catch(() => undefined);
    const content = before === undefined ? "" : await readNamedFile(environment, "key ring", path);
    await handle.writeFile(await change(content));
    await handle.sync();
    // Only an administrator may give a file away, and need not take it from its owner.
    if (before !== undefined && process.getuid?.() === 0) {
      await handle.chown(before.uid, before.gid);
    }
    await handle.close();
    const wasReadable = before !== undefined && (before.mode & 0o077) !== 0;
    await rename(temporary, path);
    return { path, wasReadable };
  } catch (error) {
    await handle.close().catch(() => {});
    await unlink(temporary);
    throw error;
  }
}

/** Where a container's runtime puts secrets: for everybody within, and nobody outside. */
const secretMounts = /^(\/var)?\/run\/secrets\//;

/** Tells the operator of a file of private keys that every user of this machine can read. */
export async function warnOfReadable(environment: Environment, file: string): Promise<void> {
  if (file === standardInput) return;
  const path = await realpath(locate(environment, file)).catch(() => undefined);
  if (path === undefined || secretMounts.test(path)) return;
  if (((await stat(path)).mode & 0o004) === 0) return;
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    if (((await stat(folder)).mode & 0o001) === 0) return;
  }
  warn(
    `${file} holds private keys, and every user of this machine can read it; do: chmod 600 ${file}`,
  );
}

/** A file whose lines can be read several times, also where it is standard input. */
export interface NamedLines {
  /** Each call begins with the first line. @throws {ConfigurationError} when it can't be read. */
  readonly open: () => AsyncGenerator<string>;
}

/**
 * Gives work the lines of the file that `option` names, or of standard input, which is kept meanwhile in a file that has no
 * name any more: nobody else can read it, and nothing is left of it, however this ends.
 */
export async function withLines<Result>(
  environment: Environment,
  option: string,
  file: string,
  work: (lines: NamedLines) => Promise<Result>,
): Promise<Result> {
  if (file !== standardInput) {
    const path = locate(environment, file);
    return await work({
      open: () => readLines(() => createReadStream(path, "utf8"), option, file),
    });
  }
  const handle = await openUnnamedFile();
  try {
    await pipeline(openStandardInput(), createWriteStream("", { fd: handle.fd, autoClose: false }));
    const start = () => handle.createReadStream({ encoding: "utf8", start: 0, autoClose: false });
    return await work({ open: () => readLines(start, option, file) });
  } finally {
    await handle.close();
  }
}

async function openUnnamedFile(): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), "centralcloud-"));
  try {
    return await open(join(folder, "input"), "wx+", 0o600);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The lines of a file, which end at a line feed and nowhere else: JSON may hold other separators. */
async function* readLines(
  start: () => AsyncIterable<unknown>,
  option: string,
  file: string,
): AsyncGenerator<string> {
  let pieces: string[] = [];
  try {
    for await (const chunk of start()) {
      const [first = "", ...others] = (chunk as string).split("\n");
      pieces.push(first);
      for (const other of others) {
        yield pieces.join("");
        pieces = [other];
      }
    }
  } catch (error) {
    if (codeOf(error) === "unknown") throw error;
    throw new ConfigurationError([`${option} ${file}: it can't be read (${codeOf(error)})`]);
  }
  if (pieces.some((piece) => piece !== "")) yield pieces.join("");
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "unknown";
}
