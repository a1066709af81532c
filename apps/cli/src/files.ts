import { createReadStream } from "node:fs";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { ConfigurationError, type Environment } from "@centralcloud/service";

/** A file that the operator named, from where they stand: `pnpm centralcloud` runs elsewhere. */
function locate(environment: Environment, file: string): string {
  return resolve(environment.INIT_CWD ?? process.cwd(), file);
}

/** @throws {ConfigurationError} when the file that `option` names can't be read. */
export async function readNamedFile(
  environment: Environment,
  option: string,
  file: string,
): Promise<string> {
  try {
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
 * The lines of a file, which end at a line feed and nowhere else: JSON may hold other separators.
 *
 * @throws {ConfigurationError} when the file that `option` names can't be read.
 */
export async function* readLines(
  environment: Environment,
  option: string,
  file: string,
): AsyncGenerator<string> {
  const stream = createReadStream(locate(environment, file), "utf8");
  let pieces: string[] = [];
  try {
    for await (const chunk of stream) {
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
