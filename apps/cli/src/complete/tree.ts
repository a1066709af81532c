import type { Argument, Command, Option } from "commander";

/** What may follow a command, an option or an argument. */
export type Values =
  | { readonly kind: "none" }
  | { readonly kind: "anything" }
  | { readonly kind: "files" }
  | { readonly kind: "words"; readonly words: readonly string[] };

export interface CompletedOption {
  /** As it is typed: `--queue`. */
  readonly name: string;
  readonly description: string;
  readonly value: Values;
}

/** One command of the tree, as shells complete it. */
export interface CompletedCommand {
  /** The words that lead to it; empty for the program itself. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletedOption[];
  /** What its first argument may be. */
  readonly argument: Values;
}

/** Every command of a program. What is hidden is not completed. */
export function completedCommands(command: Command, path: readonly string[] = []) {
  const helper = command.createHelp();
  const children = helper.visibleCommands(command);
  const own: CompletedCommand = {
    path: path.join(" "),
    commands: children.map((child) => ({ name: child.name(), description: child.description() })),
    options: helper.visibleOptions(command).map(optionOf),
    argument: valuesOfArgument(command.registeredArguments[0]),
  };
  const below: CompletedCommand[] = command.commands.flatMap((child) =>
    completedCommands(child, [...path, child.name()]),
  );
  return [own, ...below];
}

function optionOf(option: Option): CompletedOption {
  const { long, short, description, flags, argChoices } = option;
  // What may follow an option with a value that can be left out may be anything else as well.
  const value: Values = option.required ? valuesOf(flags, argChoices) : { kind: "none" };
  return { name: long ?? short ?? flags, description: firstSentence(description), value };
}

function valuesOfArgument(argument: Argument | undefined): Values {
  if (argument === undefined) return { kind: "none" };
  return valuesOf(`<${argument.name()}>`, argument.argChoices);
}

function valuesOf(flags: string, choices: readonly string[] | undefined): Values {
  if (choices !== undefined) return { kind: "words", words: choices };
  return /[<[]file[\]>]/.test(flags) ? { kind: "files" } : { kind: "anything" };
}

/** What fits beside a word in a list. */
function firstSentence(text: string): string {
  return text.split(/[;:]/)[0] ?? "";
}
