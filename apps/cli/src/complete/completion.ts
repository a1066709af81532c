import type { Command } from "commander";
import { type CompletedCommand, completedCommands, type Values } from "./tree.ts";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/**
 * A script for a shell that completes a program's commands, options and their values. It holds the whole tree, so that
 * nothing is started when somebody presses Tab.
 */
export function completionFor(shell: Shell, program: Command): string {
  const commands = completedCommands(program);
  const name = program.name();
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](name, commands);
}

/** For a shell, as it stands: nothing in it means anything. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Of fish, which knows two escapes within quotes. */
function quoteFish(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** The paths of all commands but the program itself, as patterns of `case`. */
function paths(commands: readonly CompletedCommand[]): string {
  return commands
    .filter(({ path }) => path !== "")
    .map(({ path }) => quote(path))
    .join("|");
}

/** Options that are followed by a value, of every command, as patterns of `case`. */
function valueOptions(commands: readonly CompletedCommand[]): readonly [string, Values][] {
  return commands.flatMap(({ path, options }) =>
    options
      .filter(({ value }) => value.kind !== "none")
      .map(({ name, value }): [string, Values] => [quote(`${path} ${name}`), value]),
  );
}

/** Finds the command that the words before the cursor lead to; the values of options are no commands. */
const findPath = (commands: readonly CompletedCommand[], words: string) => `
  local reached= word before= index
  for (( index = ${words}; index < count; index++ )); do
    word="\${typed[index]}"
    case "$reached $before" in
      ${valueOptions(commands)
        .map(([pattern]) => pattern)
        .join("|")}) ;;
      *)
        case "\${reached:+$reached }$word" in
          ${paths(commands)}) reached="\${reached:+$reached }$word" ;;
        esac ;;
    esac
    before="$word"
  done`;

function bashScript(name: string, commands: readonly CompletedCommand[]): string {
  const reply = (values: Values) => {
    if (values.kind === "files") return `_${name}_files`;
    const words = values.kind === "words" ? values.words.join(" ") : "";
    return words === "" ? ":" : `COMPREPLY=($(compgen -W ${quote(words)} -- "$current"))`;
  };
  const afterOptions = valueOptions(commands)
    .map(([pattern, values]) => `    ${pattern}) ${reply(values)}; return ;;`)
    .join("\n");
  const afterCommands = commands
    .map(({ path, commands: children, options, argument }) => {
      const names = [...children.map((child) => child.name), ...options.map((one) => one.name)];
      const words = [...(argument.kind === "words" ? argument.words : []), ...names].join(" ");
      const files =
        argument.kind === "files" ? ` [[ $current == -* ]] || ${reply(argument)} ;;` : " ;;";
      return `    ${quote(path)}) COMPREPLY=($(compgen -W ${quote(words)} -- "$current"));${files}`;
    })
    .join("\n");
  return `# Completion of ${name} for bash: source this file, or put it where bash looks for completions.
_${name}_files() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen -f -- "$current"))
}
_${name}() {
  COMPREPLY=()
  local IFS=$' \\n' current="\${COMP_WORDS[COMP_CWORD]}"
  # Bash takes --option=value for three words.
  local -a typed=()
  local at count
  for (( at = 0; at < COMP_CWORD; at++ )); do
    [[ \${COMP_WORDS[at]} == = ]] || typed+=("\${COMP_WORDS[at]}")
  done
  count=\${#typed[@]}
  if [[ $current == = ]]; then current=; fi${findPath(commands, "1")}
  case "$reached $before" in
${afterOptions}
  esac
  case "$reached" in
${afterCommands}
  esac
}
complete -F _${name} ${name}`;
}

function zshScript(name: string, commands: readonly CompletedCommand[]): string {
  const reply = (values: Values) => {
    if (values.kind === "files") return "_files";
    if (values.kind !== "words") return ":";
    return `compadd -- ${values.words.map(quote).join(" ")}`;
  };
  const afterOptions = valueOptions(commands)
    .map(([pattern, values]) => `    (${pattern}) ${reply(values)}; return ;;`)
    .join("\n");
  // A colon ends the word that a description belongs to.
  const item = (word: string, says: string) => quote(`${word.replaceAll(":", "\\:")}:${says}`);
  const afterCommands = commands
    .map(({ path, commands: children, options, argument }) => {
      const words = children.map((child) => item(child.name, child.description));
      const flags = options.map((option) => item(option.name, option.description));
      return `    (${quote(path)})
      subcommands=(${words.join(" ")})
      flags=(${flags.join(" ")})
      ${reply(argument)} ;;`;
    })
    .join("\n");
  return `#compdef ${name}
# Completion of ${name} for zsh: put it into a folder of fpath, as _${name}.
_${name}() {
  local -a subcommands flags typed
  typed=("\${words[@]}")
  local count=$CURRENT${findPath(commands, "2")}
  case "$reached $before" in
${afterOptions}
  esac
  case "$reached" in
${afterCommands}
  esac
  (( \${#subcommands} )) && _describe -t commands command subcommands
  [[ \${words[CURRENT]} == -* ]] && _describe -t options option flags
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _${name} "$@"; else compdef _${name} ${name}; fi`;
}

function fishScript(name: string, commands: readonly CompletedCommand[]): string {
  const at = (path: string) => `-n ${quoteFish(`__${name}_at ${quoteFish(path)}`)}`;
  const reply = (values: Values) => {
    if (values.kind === "files") return " -r -F";
    if (values.kind === "words") return ` -x -a ${quoteFish(values.words.join(" "))}`;
    return values.kind === "anything" ? " -x" : "";
  };
  const lines = commands.flatMap(({ path, commands: children, options, argument }) => [
    ...children.map(
      (child) =>
        `complete -c ${name} ${at(path)} -a ${child.name} -d ${quoteFish(child.description)}`,
    ),
    ...options.map((option) => {
      const flag = `-l ${option.name.replace(/^-+/, "")}`;
      const says = quoteFish(option.description);
      return `complete -c ${name} ${at(path)} ${flag}${reply(option.value)} -d ${says}`;
    }),
    ...(argument.kind === "words" || argument.kind === "files"
      ? [`complete -c ${name} ${at(path)}${reply(argument).replace(" -r", "")}`]
      : []),
  ]);
  const known = commands.filter(({ path }) => path !== "").map(({ path }) => quoteFish(path));
  const valued = valueOptions(commands).map(([pattern]) => pattern);
  return `# Completion of ${name} for fish: put it into ~/.config/fish/completions.
function __${name}_at
  set -l reached ''
  set -l before ''
  for word in (commandline -opc)[2..-1]
    switch "$reached $before"
      case ${valued.join(" ")}
      case '*'
        set -l next (string trim -- "$reached $word")
        if contains -- $next ${known.join(" ")}
          set reached $next
        end
    end
    set before $word
  end
  test "$reached" = "$argv[1]"
end
complete -c ${name} -f
${lines.join("\n")}`;
}
