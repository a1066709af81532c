import "@centralcloud/service/fit-address-space";
import { boundLookups, endOnCrash, endWithin, letReadersGo } from "@centralcloud/service";
import { runCommandLine } from "./command-line.ts";

endOnCrash();
letReadersGo();
boundLookups();
process.exitCode = await runCommandLine(process.argv.slice(2), process.env);
endWithin();
