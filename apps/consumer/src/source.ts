import { createPool, endPool, readSource, registerSource, withoutSecrets } from "@centralcloud/db";
import { classifyFault, createLane, type Lane, PgmqClient } from "@centralcloud/pgmq";
import { definePart, type Observe, type Part, pause } from "@centralcloud/service";
import type { Pool } from "pg";
import type { ConsumerConfiguration } from "./configuration.ts";
import { handlerFor, routes } from "./routes.ts";
import type { SessionGate } from "./session-gate.ts";

export interface SourcePart extends Part {
  /** Empty until the source's identity is known. */
  readonly lanes: readonly Lane[];
  /** Why the source is not consumed yet, or undefined once its lanes run. */
  readonly waitingFor: string | undefined;
}

const retryMs = 1_000;

/** How long a pool may take to close after the grace period, before its queries are cut. */
export const endPoolMs = 1_000;

/**
 * One source: its pool and its lanes. It starts at once and keeps trying until it has read the
 * source's identity and registered it, so that a database that is down delays nobody else.
 */
export function createSource(
  url: string,
  central: Pool,
  configuration: ConsumerConfiguration,
  sessionGate: SessionGate,
  observe: Observe,
): SourcePart {
  const { concurrency } = configuration;
  // One connection reads while each batch settles on its own; three queues share them.
  const max = routes.length * (concurrency + 1);
  const pool = createPool(url, {
    applicationName: "centralcloud-consumer",
    max,
    queryTimeoutMs: configuration.visibilityTimeoutS * 1000,
  });
  const place = withoutSecrets(url);
  const stopped = new AbortController();
  let lanes: readonly Lane[] = [];
  let waitingFor: string | undefined = "its identity";
  let connecting = Promise.resolve();

  async function connect(): Promise<void> {
    while (!stopped.signal.aborted) {
      let side: "source" | "central" = "source";
      try {
        const source = await readSource(pool);
        side = "central";
        await registerSource(central, source);
        if (stopped.signal.aborted) return;
        lanes = routes.map((queue) =>
          createLane({
            ...configuration,
            name: { source: source.name, queue },
            handler: handlerFor(queue, source.sourceId, central, sessionGate),
            source: new PgmqClient(pool),
            observe,
          }),
        );
        for (const lane of lanes) await lane.start();
        waitingFor = undefined;
        observe({ event: "part-started", part: `source ${source.name}`, detail: place });
        return;
      } catch (error) {
        const { owner, code, message } = classifyFault(error);
        waitingFor = message;
        const name = { source: place, queue: "*" };
        const fault = { side, fault: owner, code, error: message, retryInMs: retryMs } as const;
        observe({ event: "lane-fault", ...name, ...fault });
        await pause(retryMs, stopped.signal);
      }
    }
  }

  const part = definePart({
    name: `source ${place}`,
    async start() {
      connecting = connect();
    },
    async stop(graceMs) {
      stopped.abort();
      await connecting;
      await Promise.all(lanes.map((lane) => lane.stop(graceMs)));
      await endPool(pool, endPoolMs);
      observe({ event: "part-stopped", part: `source ${place}` });
    },
  });

  return {
    ...part,
    get lanes() {
      return lanes;
    },
    get waitingFor() {
      return waitingFor;
    },
  };
}
