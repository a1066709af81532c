import { prepare } from "./run.mjs";

/* What is measured is what is checked out: built first, however recent the last build. */
prepare();
await import("../tools/dist/bench/main.js");
