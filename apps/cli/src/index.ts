export { exitCodes, runCommandLine } from "./command-line.ts";
