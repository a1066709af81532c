import { type Command, Help } from "commander";
import { columnsOf, paint } from "../output.ts";
import { type CommandHelp, type VariableName, variables } from "./command-help.ts";
import { commandHelp } from "./texts.ts";

/** The words of a command, without the program's name: `dlq list`. */
export function pathOf(command: Command): string {
  const names: string[] = [];
  for (let one: Command | null = command; one?.parent; one = one.parent) names.unshift(one.name());
  return names.join(" ");
}

/**
 * What the help of a command says beneath its options. Of a group: what those below it say. A command without a row says
 * less, and `test/cli/help.test.ts` asks for its row.
 */
export function helpOf(command: Command): CommandHelp | undefined {
  const path = pathOf(command);
  const own = commandHelp[path];
  const below = command.commands.flatMap((child) => helpOf(child) ?? []);
  if (own !== undefined || below.length === 0) return own;
  const [first] = below as [CommandHelp];
  return {
    page: first.page,
    examples: below.flatMap(({ examples }) => examples.slice(0, 1)),
    environment: [...new Set(below.flatMap(({ environment }) => environment))],
  };
}

/** What the exit codes mean, of every command; a row may be more precise. */
const exitCodes: Readonly<Record<number, string>> = {
  0: "done",
  1: "failed",
  2: "wrong usage or configuration",
  3: "a database can't be reached",
};

/** Of commands that come to an end by themselves. */
const interruptedCodes = { 130: "ended by Ctrl-C at once" } as const;

/** Every command is coloured by the same two, so they are named at the end. */
const everywhere: readonly VariableName[] = ["NO_COLOR", "FORCE_COLOR"];

const indent = " ".repeat(6);

const secretFiles = "A secret can also come from a file: NAME_FILE names it.";

/** Gives the help of a command its examples, variables, exit codes and its page of the documentation. */
export function addHelp(command: Command): void {
  command.configureHelp({
    showGlobalOptions: true,
    helpWidth: Math.min(100, columnsOf(process.stdout) ?? 80),
    minWidthToWrap: 20,
    styleTitle: (title) => paint("strong", title),
    formatHelp(shown, helper) {
      const text = Help.prototype.formatHelp.call(helper, shown, helper);
      const more = helpOf(shown);
      return more === undefined ? text : `${text}\n${formatMore(helper, more)}`;
    },
  });
}

function formatMore(
  helper: Help,
  { examples, environment, codes, page, interrupted }: CommandHelp,
) {
  const list = (title: string, items: readonly (readonly [string, string])[]) => {
    const width = Math.max(...items.map(([term]) => term.length));
    const lines = items.map(([term, words]) => helper.formatItem(term, width, words, helper));
    return [helper.styleTitle(title), ...lines, ""];
  };
  const own = environment.filter((name) => !everywhere.includes(name));
  const names = [...own, ...everywhere];
  const lines = [
    helper.styleTitle("Examples:"),
    ...examples.flatMap(([text, words]) => [
      `  centralcloud ${text}`,
      helper.boxWrap(words, (helper.helpWidth ?? 80) - indent.length).replaceAll(/^/gm, indent),
    ]),
    "",
    ...list(
      "Environment:",
      names.map((name) => [name, variables[name]]),
    ),
    ...(own.length === 0 ? [] : [`  ${secretFiles}`, ""]),
    ...list(
      "Exit codes:",
      Object.entries({
        ...exitCodes,
        ...(interrupted === undefined ? {} : interruptedCodes),
        ...codes,
      }).filter(([, words]) => words !== ""),
    ),
    ...(interrupted === undefined
      ? []
      : [helper.boxWrap(`Ctrl-C: ${interrupted}`, helper.helpWidth ?? 80), ""]),
    `Documentation: ${page}`,
    "",
  ];
  return lines.join("\n");
}
