import { type ConsumerConfiguration, createConsumerService } from "@centralcloud/consumer";
import type { Observation, Observe, Part } from "@centralcloud/service";
import { pino } from "pino";
import { afterEach } from "vitest";
import { parseMetrics, type Scrape } from "../../tools/support/metrics-text.ts";
import { configurationFor } from "./consumer.ts";
import type { TestSystem } from "./databases.ts";
import { until } from "./until.ts";

/** The deployable service in this process, with its HTTP endpoints. */
export interface TestService extends Part {
  readonly observations: readonly Observation[];
  get(path: string): Promise<Response>;
  scrape(): Promise<Scrape>;
  /** Resolves when all of the work is done: readiness alone leaves out a source that is away. */
  ready(): Promise<void>;
}

export interface ServiceTools {
  start(changes?: Partial<ConsumerConfiguration>, ...sinks: Observe[]): Promise<TestService>;
}

/** Services for the tests of the calling file; they are stopped after each. */
export function useService(system: TestSystem): ServiceTools {
  const started: Part[] = [];
  afterEach(async () => {
    for (const part of started.splice(0)) await part.stop(2_000);
  });
  return {
    async start(changes = {}, ...sinks) {
      const service = await startService(system, changes, ...sinks);
      started.push(service);
      return service;
    },
  };
}

/** A service that the caller stops. */
export async function startService(
  system: TestSystem,
  changes: Partial<ConsumerConfiguration> = {},
  ...sinks: Observe[]
): Promise<TestService> {
  const observations: Observation[] = [];
  const service = createConsumerService(
    configurationFor(system, changes),
    pino({ level: "silent" }, { write() {} }),
    (observation) => void observations.push(observation),
    ...sinks,
  );
  await service.start();
  const port = () =>
    observations
      .flatMap((seen) => (seen.event === "part-started" ? [seen.detail ?? ""] : []))
      .map((detail) => /^port (\d+)$/.exec(detail)?.[1])
      .find((found) => found !== undefined);
  // A connection that is kept would outlive the test.
  const get = (path: string) =>
    fetch(`http://127.0.0.1:${port()}${path}`, { headers: { connection: "close" } });
  return {
    ...service,
    observations,
    get,
    async scrape() {
      return parseMetrics(await (await get("/metrics")).text());
    },
    async ready() {
      await until("the service does all of its work", async () => {
        const response = await get("/readyz");
        const { working } = (await response.json()) as { working: boolean };
        return response.status === 200 && working;
      });
    },
  };
}
