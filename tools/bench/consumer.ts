import { findFreePort } from "../support/free-port.ts";
import { type Program, startCentralcloud } from "./process.ts";
import type { Database } from "./stage.ts";

export interface Consumer {
  readonly program: Program;
  /** From the moment before the process was made until `/readyz` answered 200. */
  readonly readyMs: number;
  /** SIGTERM, and its end. */
  stop(): Promise<void>;
}

const waitMs = 60_000;

/** Starts `centralcloud consume` with default settings and waits until it is ready. */
export async function startConsumer(source: Database, central: Database): Promise<Consumer> {
  const port = await findFreePort();
  const startedAt = performance.now();
  const program = startCentralcloud(["consume"], {
    SOURCE_DATABASE_URLS: source.url,
    CENTRAL_DATABASE_URL: central.url,
    CONSUMER_HTTP_PORT: String(port),
  });
  const stop = async () => {
    program.child.kill("SIGTERM");
    const { exitCode } = await program.finished;
    if (exitCode !== 0) throw new Error(`the consumer ended with ${exitCode}`);
  };
  while (!(await isReady(port))) {
    const hasEnded = program.child.exitCode !== null;
    if (!hasEnded && performance.now() - startedAt < waitMs) continue;
    program.child.kill("SIGKILL");
    await program.finished;
    throw new Error(
      hasEnded ? "the consumer ended before it was ready" : "the consumer was not ready in time",
    );
  }
  return { program, readyMs: performance.now() - startedAt, stop };
}

async function isReady(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`);
    await response.arrayBuffer();
    if (response.status === 200) return true;
  } catch {
    // It does not listen yet.
  }
  await new Promise((resolve) => setTimeout(resolve, 5));
  return false;
}
