import { printableLines } from "@centralcloud/service";

/** Prints a text, or a JSON document, on standard output: the results of a command. */
export function print(text: string): void {
  // biome-ignore lint/suspicious/noConsole: the one place that writes results
  console.log(printableLines(text));
}

/** Prints a text on standard error: everything that is no result. */
export function printError(text: string): void {
  // biome-ignore lint/suspicious/noConsole: the one place that writes messages
  console.error(printableLines(text));
}
