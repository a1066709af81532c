import { pause } from "@centralcloud/service";
import { stopTimeoutMs } from "../faults/replica-faults.ts";
import type { Replica } from "../replicas/replica.ts";
import type { Stage } from "./stage.ts";

/** A breaker waits for at most five seconds before it tries again; and machines are slow. */
const readyTimeoutMs = 20_000;

/**
 * When all is calm again, every replica must say that it is ready and all is consumed, and must stop in order. What does
 * not goes to the findings.
 */
export async function endReplicas({ replicas, settings, signal, complain }: Stage): Promise<void> {
  await Promise.all(
    replicas.map(async (replica) => {
      const answer = await untilReady(replica, signal);
      if (answer !== undefined)
        complain(`${replica.name} is not ready after all is over: ${answer}`);
      replica.retire();
      const stopped = await replica.stop(stopTimeoutMs(settings.shutdownGraceS));
      if (stopped !== "in order")
        complain(`${replica.name} was asked to stop and ended ${stopped}`);
      for (const end of replica.unexpectedEnds) complain(end);
    }),
  );
}

/** @returns what it said last, or undefined when it became ready */
async function untilReady(replica: Replica, signal: AbortSignal): Promise<string | undefined> {
  const deadline = performance.now() + readyTimeoutMs;
  for (;;) {
    const answer = await askReadiness(replica);
    if (answer === undefined || signal.aborted) return undefined;
    if (performance.now() > deadline) return answer;
    await pause(100, signal);
  }
}

async function askReadiness({ log }: Replica): Promise<string | undefined> {
  if (log.httpPort === undefined) return "it has not said where it answers";
  try {
    const response = await fetch(`http://127.0.0.1:${log.httpPort}/readyz`);
    const body = await response.text();
    const { working } = JSON.parse(body) as { working: boolean };
    return response.ok && working ? undefined : body.trim();
  } catch (error) {
    return String(error);
  }
}
