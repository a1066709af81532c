import { type CaptureStatus, readCaptureStatus } from "@centralcloud/cdc";
import { createPool, endPool, messageOf, withoutSecrets } from "@centralcloud/db";
import { definePart, type Observe, type Part } from "@centralcloud/service";
import type { Pool } from "pg";
import type { ConsumerConfiguration } from "../configuration.ts";
import { createLook, type Look, type LookOptions } from "./look.ts";
import { type CentralSeen, lookAtCentral } from "./look-at-central.ts";
import { lookAtSource, type SourceSeen } from "./look-at-source.ts";

/** What the databases of a consumer look like from outside its lanes. */
export interface Looks extends Part {
  readonly central: Look<CentralSeen>;
  /** In the order of the configuration. */
  readonly sources: readonly Look<SourceSeen>[];
  /** The capture of each source; none where nothing is captured by this consumer. */
  readonly captures: readonly Look<CaptureStatus>[];
  /** Looks everywhere at once, as {@link Look.refresh} does. */
  refresh(): Promise<void>;
}

/** Beyond the server's own limit of a second a statement, for a server that says nothing at all. */
const queryTimeoutMs = 5_000;

/**
 * Looks only when somebody asks, on one connection a database that is not one of the lanes': so nothing is
 * asked where nobody watches, and a busy or broken database delays neither side.
 */
export function createLooks(configuration: ConsumerConfiguration, observe: Observe): Looks {
  const { sourceUrls, centralUrl, capture } = configuration;
  const pools = new Map<string, Pool>();
  let stopped = false;

  function poolOf(url: string): Pool {
    const options = { applicationName: "centralcloud-metrics", max: 1, queryTimeoutMs };
    const pool = pools.get(url) ?? createPool(url, options);
    pools.set(url, pool);
    return pool;
  }

  function lookThrough<Seen>(
    url: string,
    what: LookOptions<Seen>["what"],
    look: (pool: Pool) => Promise<Seen>,
  ) {
    const place = withoutSecrets(url);
    return createLook({
      place,
      what,
      look: () => look(poolOf(url)),
      onFailure: (error) => {
        // Of one that a stop has cut off there is nothing to tell.
        if (stopped) return;
        observe({ event: "look-failed", database: place, what, error: messageOf(error) });
      },
    });
  }

  const central = lookThrough(centralUrl, "central", lookAtCentral);
  const sources = sourceUrls.map((url) => lookThrough(url, "source", lookAtSource));
  const capturedUrls = capture.enabled ? (capture.sourceUrls ?? sourceUrls) : [];
  const captures = capturedUrls.map((url) =>
    lookThrough(url, "capture", (pool) =>
      readCaptureStatus(pool, poolOf(capture.centralUrl ?? centralUrl)),
    ),
  );
  const all = [central, ...sources, ...captures];

  const part = definePart({
    name: "looks",
    async start() {},
    async stop() {
      stopped = true;
      await Promise.all([...pools.values()].map((pool) => endPool(pool, 0)));
    },
  });
  return {
    ...part,
    central,
    sources,
    captures,
    async refresh() {
      if (!stopped) await Promise.all(all.map((look) => look.refresh()));
    },
  };
}
