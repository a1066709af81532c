import { createRequire } from "node:module";
import { isatty } from "node:tty";
import { type Environment, hasColours, logLine, printable } from "@centralcloud/service";
import { destination, type Logger, pino } from "pino";
import type { PrettyOptions } from "pino-pretty";
import { z } from "zod";

/** How a log is written: lines of JSON, or lines for people; `auto` is the second on a terminal. */
export const logFormat = z
  .enum(["auto", "json", "text"], { error: "must be auto, json or text" })
  .default("auto");

export type LogFormat = z.output<typeof logFormat>;

export interface LoggerOptions {
  /** Default: `json`. */
  readonly format?: LogFormat;
  /** Says whether lines for people have colours; see {@link hasColours}. */
  readonly environment?: Environment;
  /** Writes a line, for whoever has something else on the same terminal. */
  readonly around?: (write: () => void) => void;
}

/** A logger that writes a line an event to standard output (1) or standard error (2). */
export function createLogger(
  level: string,
  fileDescriptor: 1 | 2,
  { format = "json", environment = {}, around = (write) => write() }: LoggerOptions = {},
): Logger {
  const output = destination({ fd: fileDescriptor, sync: true });
  // Its terminal may have closed, its disk may be full: that is no reason to leave messages half done.
  output.on("error", () => {});
  const isTerminal = isatty(fileDescriptor);
  const isText = format === "text" || (format === "auto" && isTerminal);
  const form = isText ? textLine(hasColours(isTerminal, environment)) : logLine;
  return pino(
    { level, base: null },
    { write: (line) => around(() => void output.write(form(line))) },
  );
}

/** A line of JSON as people read it: time (UTC), level, event, fields. */
function textLine(colorize: boolean): (line: string) => string {
  // Loaded where it is used: a service in a container writes JSON.
  const { prettyFactory } = createRequire(import.meta.url)("pino-pretty") as {
    prettyFactory: (options: PrettyOptions) => (log: object) => string;
  };
  const format = prettyFactory({
    colorize,
    singleLine: true,
    translateTime: "UTC:HH:MM:ss.l'Z'",
    errorLikeObjectKeys: [],
  });
  // Its colours come last, so that nothing in a text can steer the terminal.
  return (line) => format(spellOut(JSON.parse(logLine(line))) as object);
}

function spellOut(value: unknown): unknown {
  if (typeof value === "string") return printable(value);
  if (Array.isArray(value)) return value.map(spellOut);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [printable(name), spellOut(field)]),
  );
}
