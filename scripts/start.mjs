import { prepare } from "./run.mjs";

/*
 * Whoever started us stands in for the user: npm, or the shell that npm runs this in, which may die
 * of a signal without passing it on. When it has gone, we stop as if we had got the signal.
 */
const parent = process.ppid;
const isOrphan = () => process.ppid !== parent;

prepare();
if (isOrphan()) process.exit(1);
if (process.env.npm_lifecycle_event === "start") {
  const watch = setInterval(() => {
    if (!isOrphan()) return;
    clearInterval(watch);
    process.kill(process.pid, "SIGTERM");
  }, 250).unref();
}
await import("../apps/local/dist/main.js");
