import { readFileSync } from "node:fs";
import { z } from "zod";

/** The environment holds mistakes; all of them are listed, one line each, and no secret is shown. */
export class ConfigurationError extends Error {
  readonly code = "configuration_invalid";
  readonly mistakes: readonly string[];
  constructor(mistakes: readonly string[]) {
    super(mistakes.join("\n"));
    this.name = "ConfigurationError";
    this.mistakes = mistakes;
  }
}

/** The values of an environment; as `process.env`, and so that tests can pass their own. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the variables that `shape` names, each from `NAME`, or from the file that `NAME_FILE` names
 * (for secrets; blanks and ends of lines around it are dropped, and a byte-order mark). An empty value counts as not
 * given.
 *
 * @throws {ConfigurationError} with one line per mistake.
 */
export function parseConfiguration<Shape extends z.ZodRawShape>(
  shape: Shape,
  environment: Environment,
): z.output<z.ZodObject<Shape>> {
  const mistakes: string[] = [];
  const values: Record<string, string> = {};
  for (const name of Object.keys(shape)) {
    const value = readVariable(name, environment, mistakes);
    if (value !== undefined) values[name] = value;
  }
  const parsed = z.object(shape).safeParse(values);
  for (const issue of parsed.error?.issues ?? []) {
    const line = `${issue.path.join(".")}: ${issue.message}`;
    if (!mistakes.some((mistake) => mistake.startsWith(`${issue.path.join(".")}:`))) {
      mistakes.push(line);
    }
  }
  if (!parsed.success || mistakes.length > 0) throw new ConfigurationError(mistakes);
  return parsed.data;
}

function readVariable(name: string, environment: Environment, mistakes: string[]) {
  const direct = environment[name] || undefined;
  const file = environment[`${name}_FILE`] || undefined;
  if (file === undefined) return direct;
  if (direct !== undefined) {
    mistakes.push(`${name}: given twice, by ${name} and by ${name}_FILE; keep one`);
    return undefined;
  }
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? "unreadable";
    mistakes.push(`${name}: the file that ${name}_FILE names can't be read (${reason})`);
    return undefined;
  }
  const text = decodeText(bytes);
  if (text !== undefined) return text.trim() || undefined;
  mistakes.push(`${name}: the file that ${name}_FILE names is not text in UTF-8`);
  return undefined;
}

/** Without a byte-order mark; undefined where it is in another encoding: UTF-16 has zeros between its characters. */
function decodeText(bytes: Buffer): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** A whole number from `minimum` to `maximum`; `fallback` where the variable is not given. */
export function wholeNumber(minimum: number, maximum: number, fallback: number) {
  return givenWholeNumber(minimum, maximum).default(fallback);
}

/** A whole number from `minimum` to `maximum`. */
export function givenWholeNumber(minimum: number, maximum: number) {
  const sentence = `must be a whole number from ${minimum} to ${maximum}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, sentence)
    .transform(Number)
    .pipe(z.number().min(minimum, sentence).max(maximum, sentence));
}

/** `true` or `false`, also written 1, 0, yes, no, on, off; `fallback` where it is not given. */
export function flag(fallback: boolean) {
  return z.stringbool({ error: "must be true or false" }).default(fallback);
}
