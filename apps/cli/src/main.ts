import { endOnCrash } from "@centralcloud/service";
import { runCommandLine } from "./command-line.ts";

endOnCrash();
process.exitCode = await runCommandLine(process.argv.slice(2), process.env);
