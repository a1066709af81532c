export { createProgram, runCommandLine } from "./command-line.ts";
export { schedulerVariables } from "./commands/scheduler.ts";
export { shells } from "./complete/completion.ts";
export { formatTable } from "./format-table.ts";
export { type CommandHelp, variables as helpVariables } from "./help/command-help.ts";
export { helpOf, pathOf } from "./help/help.ts";
export { commandHelp } from "./help/texts.ts";
export { widthOf, withoutColours } from "./output.ts";
export { formatSeconds, ProgressMeter } from "./progress.ts";
