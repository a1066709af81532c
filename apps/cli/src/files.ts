import { readFile, writeFile } from "node:fs/promises";
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
  const path = locate(environment, file);
  try {
    await writeFile(path, content, { mode: 0o600, flag: "wx" });
  } catch (error) {
    const exists = codeOf(error) === "EEXIST";
    const why = exists ? "exists, and is not overwritten" : `can't be written (${codeOf(error)})`;
    throw new Error(`${file} ${why}`, { cause: error });
  }
  return path;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "unknown";
}
