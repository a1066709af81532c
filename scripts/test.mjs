import { local, prepare } from "./run.mjs";

prepare();
process.exitCode = local("vitest", "run", ...process.argv.slice(2));
