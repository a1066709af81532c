const src = "apps/cli/src";

export default [
  {
    name: "reconcile-is-content",
    in: src,
    search: "if (grave + unlogged === 0) return;",
    replace: "if (grave === 0) return;",
    wrong: "exit code 0 although something is missing from the change log",
    tests: ["test:cdc/reconcile"],
  },
  {
    name: "unreachable-is-a-failure",
    in: src,
    search: "return error.isUnreachable ? exitCodes.databaseUnreachable : exitCodes.failed;",
    replace: "return exitCodes.failed;",
    wrong: "a script can't tell a source that is away from a refusal",
    tests: ["test:cli/unreachable-sources"],
  },
  {
    name: "missing-sources-are-fine",
    in: src,
    search: "if (unreachable.length + failed.length > 0) throw new SourcesMissingError(answers);",
    replace:
      "if (unreachable.length > 0 && failed.length >= 0) throw new SourcesMissingError(answers);",
    wrong: "exit code 0 although a source refused to be asked",
    tests: ["test:cli/unmigrated a source that is not"],
  },
  {
    name: "wrong-usage-is-a-failure",
    in: src,
    search:
      'printError(error.message.replace(/^error:/gm, paint("bad", "error:"))); return exitCodes.wrongUsage;',
    replace: "printError(error.message);\n    return exitCodes.failed;",
    wrong: "a script can't tell a mistake in the configuration from a failure",
    tests: ["test:cli/commands"],
  },
  {
    name: "help-on-nothing",
    in: src,
    search: "program.parseAsync(withoutHelpOfNothing(program, words), ",
    replace: "program.parseAsync(withoutHelpOfNothing(program, []) && [...words], ",
    wrong: "a command that there is not exits 0 with --help",
    tests: ["test:cli/commands help on"],
  },
  {
    name: "local-store-for-another-source",
    in: src,
    search: "if (names.every((name) => isSame(name, given, local))) {",
    replace: "if (names.length >= 0 || names.every((name) => isSame(name, given, local))) {",
    wrong: "consume moves another system's messages into the store of npm start",
    tests: ["test:cli/local-environment"],
  },
  {
    name: "nothing-said-of-what-is-left-out",
    in: src,
    search:
      "if (environment.notice !== undefined) printError(`centralcloud: ${environment.notice}`);",
    replace: "",
    wrong: "one variable in the environment drops the others of npm start without a word",
    tests: ["test:cli/local-environment"],
  },
  {
    name: "mistakes-one-at-a-time",
    in: src,
    search: "mistakes.push(...mistakesOf(error));",
    replace: "throw mistakesOf(error).length > 0 ? error : error;",
    wrong: "who mends one mistake in a command meets the next one",
    tests: ["test:cli/commands"],
  },
  {
    name: "none-where-nobody-answers",
    in: src,
    search: 'const told = isSilent ? "no source answered, so there is nothing to show" : text;',
    replace: "const told = text;",
    wrong: "sources that are down look like sources without dead letters",
    tests: ["test:cli/commands"],
  },
  {
    name: "every-letter-by-omission",
    in: src,
    search: "if (!all && !isNarrowed && selectsAll(filter)) {",
    replace: "if (!all && !isNarrowed && selectsAll(filter) && ids.length > 0) {",
    wrong: "dlq discard without a filter says late, or never, that it means every letter",
    tests: ["test:cli/commands"],
  },
];
