import { readFileSync } from "node:fs";
import { z } from "zod";
import { readTlsSettings, TlsSettingsError } from "./tls.ts";

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
 * (for secrets; the end of line at its end is dropped). An empty value counts as not given.
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
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "") || undefined;
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? "unreadable";
    mistakes.push(`${name}: the file that ${name}_FILE names can't be read (${reason})`);
    return undefined;
  }
}

/** A whole number from `minimum` to `maximum`; `fallback` where the variable is not given. */
export function wholeNumber(minimum: number, maximum: number, fallback: number) {
  const sentence = `must be a whole number from ${minimum} to ${maximum}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, sentence)
    .transform(Number)
    .pipe(z.number().min(minimum, sentence).max(maximum, sentence))
    .default(fallback);
}

/** `true` or `false`, also written 1, 0, yes, no, on, off; `fallback` where it is not given. */
export function flag(fallback: boolean) {
  return z.stringbool({ error: "must be true or false" }).default(fallback);
}

/** One PostgreSQL URL. The message never repeats it: it may hold a password. */
export function databaseUrl() {
  return z
    .string("must be given: a URL like postgres://user@host:5432/database")
    .refine(isDatabaseUrl, "must be a URL like postgres://user@host:5432/database")
    .superRefine((url, context) => {
      const message = findTlsMistake(url);
      if (message !== undefined) context.addIssue({ code: "custom", message });
    });
}

/** One or more PostgreSQL URLs, separated by white space or commas. */
export function databaseUrls() {
  return z
    .string("must be given: one or more URLs like postgres://user@host:5432/database")
    .transform((text) => text.split(/[\s,]+/).filter((part) => part !== ""))
    .superRefine((urls, context) => {
      for (const [index, url] of urls.entries()) {
        const mistake = isDatabaseUrl(url)
          ? findTlsMistake(url)
          : "must look like postgres://user@host:5432/database";
        if (mistake === undefined) continue;
        const message = `URL ${index + 1} of ${urls.length}${isDatabaseUrl(url) ? ":" : ""} ${mistake}`;
        context.addIssue({ code: "custom", message });
      }
      if (new Set(urls).size !== urls.length) {
        context.addIssue({ code: "custom", message: "names the same URL twice" });
      }
    });
}

function isDatabaseUrl(text: string): boolean {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) return false;
  return new URL(text).pathname.length > 1;
}

function findTlsMistake(url: string): string | undefined {
  if (!isDatabaseUrl(url)) return undefined;
  try {
    readTlsSettings(url);
    return undefined;
  } catch (error) {
    if (error instanceof TlsSettingsError) return error.message;
    throw error;
  }
}
