export { exitCodes, runCommandLine } from "./command-line.ts";
export { schedulerVariables } from "./commands/scheduler.ts";
