import { EmbeddedPostgresError } from "./errors.ts";
import { identityOf, waitUntilGone } from "./processes.ts";

const second = 1000;

/**
 * What PostgreSQL makes of signals, see "Shutting Down the Server" in its manual. Fast disconnects
 * everyone and writes a checkpoint, but also waits for replication clients that have gone silent;
 * immediate is a crash that the next start recovers from. A killed postmaster leaves its children
 * behind for a moment, they notice and end by themselves.
 */
const steps = {
  fast: [
    ["SIGINT", 8 * second],
    ["SIGQUIT", 6 * second],
    ["SIGKILL", 2 * second],
  ],
  immediate: [
    ["SIGQUIT", 6 * second],
    ["SIGKILL", 2 * second],
  ],
} as const;

/**
 * Stops a server and waits until it is gone.
 * @param pid of the postmaster; the caller has made sure that it is one.
 */
export async function terminateServer(pid: number, mode: keyof typeof steps): Promise<void> {
  const before = identityOf(pid);
  for (const [signal, graceMs] of steps[mode]) {
    // Never signal a later process that was given the same id.
    const now = identityOf(pid);
    if (!before || now?.started !== before.started) return;
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
    if (await waitUntilGone(pid, graceMs)) return;
  }
  throw new EmbeddedPostgresError(
    "data_directory_in_use",
    `The PostgreSQL server with process id ${pid} does not end, not even when killed.`,
  );
}
