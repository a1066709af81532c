/**
 * The process that keeps one server: started by `startEmbeddedPostgres` in a session of its own,
 * so that Ctrl-C in a terminal reaches neither it nor the server, and connected to its parent by a
 * pipe. It does everything itself, from the data directory to the server, so that there is no
 * moment in which a crash of the parent could leave anything behind: when the pipe closes, for
 * whatever reason, it cleans up and ends.
 */
import { serializeError } from "./errors.ts";
import { keepServer } from "./keep-server.ts";
import type { FromWatchdog, ToWatchdog } from "./protocol.ts";

const stop = new AbortController();
let keeping: Promise<void> | undefined;
let lastSent: Promise<void> = Promise.resolve();

function send(message: FromWatchdog): void {
  if (!process.connected) return;
  // With a callback, a failure to send is its argument instead of an exception.
  lastSent = new Promise((resolve) => {
    process.send?.(message, () => resolve());
  });
}

async function keep(request: Extract<ToWatchdog, { type: "start" }>["request"]): Promise<void> {
  try {
    await keepServer(request, send, stop.signal);
  } catch (error) {
    if (error !== stop.signal.reason) send({ type: "failed", error: serializeError(error) });
  }
  await lastSent;
  process.exit();
}

process.on("message", (message: ToWatchdog) => {
  if (message.type === "start") keeping = keep(message.request);
  else stop.abort();
});
process.on("disconnect", () => {
  stop.abort();
  if (!keeping) process.exit();
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    stop.abort();
    if (!keeping) process.exit();
  });
}
// A mistake in here must not leave the server behind either.
process.on("uncaughtException", (error) => {
  send({ type: "failed", error: serializeError(error) });
  stop.abort();
});
// Read by the parent, which may be gone.
process.stderr.on("error", () => {});
