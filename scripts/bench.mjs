import { prepare } from "./run.mjs";

/* What is measured is what is checked out: built first, however recent the last build. */
prepare();
await import("../test/dist/bench/main.js");
