import { setMaxListeners } from "node:events";
import { type CaptureStatus, readCaptureStatus } from "@centralcloud/cdc";
import type { SourceWatch } from "@centralcloud/lane";
import { createPool, endPool, messageOf, withClient, withoutSecrets } from "@centralcloud/postgres";
import { definePart, type Observe, type Part, pause, settledWithin } from "@centralcloud/service";
import PQueue from "p-queue";
import type { Pool } from "pg";
import type { ConsumerConfiguration } from "../configuration.ts";
import type { ConsumerObservation } from "../observation.ts";
import { createLook, type Look, type LookOptions, type RepeatableLook } from "./look.ts";
import { type CentralSeen, lookAtCentral } from "./look-at-central.ts";
import { lookAtSource, type SourceSeen } from "./look-at-source.ts";

/** What the databases of a consumer look like from outside its lanes. */
export interface Looks extends Part {
  readonly central: Look<CentralSeen>;
  /** In the order of the configuration. */
  readonly sources: readonly Look<SourceSeen>[];
  /** The capture of each source; none where nothing is captured by this consumer. */
  readonly captures: readonly Look<CaptureStatus>[];
  /** Somebody asks: keeps looking for a while. Waits a moment for the very first looks, and never again. */
  asked(): Promise<void>;
}

/** From one look at a database to the next, in milliseconds. */
const everyMs = 15_000;

/** One that failed comes less often: a database that is away is tried often enough by its breaker. */
const afterFailureMs = 30_000;

/** How long it is looked on after somebody asked last. */
const watchedForMs = 300_000;

/** Looks at the same time. Each is a few milliseconds of work here and there. */
const atOnce = 8;

/** Until a look is given up: beyond the server's own limit of a second a statement. */
const lookMs = 5_000;

/** How long the first who asks waits for first looks. */
const timeoutMs = 250;

/**
 * Looks at all databases again and again, a few at a time, as long as somebody asks for it now and then. Who asks gets
 * what was seen last, at once: so nothing is asked where nobody watches, and neither hundreds of databases nor one that
 * says nothing delay anybody.
 *
 * @param watchOf the connection that a source has anyway. Where it has none, one is made for each look.
 */
export function createLooks(
  configuration: ConsumerConfiguration,
  watchOf: (url: string) => SourceWatch | undefined,
  observe: Observe<ConsumerObservation>,
): Looks {
  const { sourceUrls, centralUrl, capture } = configuration;
  const applicationName = "centralcloud-metrics";
  const pools = new Map<string, Pool>();
  const stopping = new AbortController();
  const { signal } = stopping;
  // Each database waits for it.
  setMaxListeners(0, signal);
  const turns = new PQueue({ concurrency: atOnce });
  let askedAt = Number.NEGATIVE_INFINITY;
  let loops: Promise<void>[] = [];
  let firstLooks: Promise<unknown> | undefined;
  let running = 0;

  /** For looks at captures, which have logins of their own. */
  function poolOf(url: string): Pool {
    const pool =
      pools.get(url) ?? createPool(url, { applicationName, max: 1, queryTimeoutMs: lookMs });
    pools.set(url, pool);
    return pool;
  }

  function snapshotOf<Seen>(
    url: string,
    what: LookOptions<Seen>["what"],
    look: () => Promise<Seen>,
  ): RepeatableLook<Seen> {
    const place = withoutSecrets(url);
    return createLook({
      place,
      what,
      look,
      onFailure(error) {
        // Of one that a stop has cut off there is nothing to tell.
        if (signal.aborted) return;
        observe({ event: "look-failed", database: place, what, error: messageOf(error) });
      },
      onRecovery: () => observe({ event: "look-recovered", database: place, what }),
    });
  }

  const options = { applicationName, queryTimeoutMs: lookMs, signal } as const;
  const central = snapshotOf(centralUrl, "central", () =>
    withClient(centralUrl, options, lookAtCentral),
  );
  const sources = sourceUrls.map((url) =>
    snapshotOf(url, "source", async () => {
      const watch = watchOf(url);
      // A database that is known to be away is left to its breaker: it would only keep the others waiting.
      if (watch?.fault !== undefined) throw new Error(watch.fault.message);
      return await (watch?.alone(lookAtSource, lookMs) ?? withClient(url, options, lookAtSource));
    }),
  );
  const capturedUrls = capture.enabled ? (capture.sourceUrls ?? sourceUrls) : [];
  const captures = capturedUrls.map((url) =>
    snapshotOf(url, "capture", () =>
      readCaptureStatus(
        poolOf(url),
        poolOf(capture.centralUrl ?? centralUrl),
        undefined,
        withoutSecrets(url),
      ),
    ),
  );

  /** @param first told when the first look has been taken. */
  async function keepLooking(look: RepeatableLook<unknown>, first: () => void): Promise<void> {
    running += 1;
    while (!signal.aborted && performance.now() - askedAt < watchedForMs) {
      const before = look.seenAt;
      await turns.add(async () => (signal.aborted ? undefined : await look.take()));
      first();
      const waitMs = look.seenAt === before ? afterFailureMs : everyMs;
      await pause(waitMs * (0.9 + Math.random() / 10), signal);
    }
    running -= 1;
  }

  function begin(): void {
    const all: readonly RepeatableLook<unknown>[] = [central, ...sources, ...captures];
    loops = [];
    const firsts = all.map(
      (look) => new Promise<void>((resolve) => loops.push(keepLooking(look, resolve))),
    );
    firstLooks ??= Promise.all(firsts);
  }

  const part = definePart({
    name: "looks",
    async start() {},
    async stop() {
      stopping.abort();
      await Promise.all([...pools.values()].map((pool) => endPool(pool, 0)));
      await settledWithin(Promise.all(loops), timeoutMs);
    },
  });
  return {
    ...part,
    central,
    sources,
    captures,
    async asked() {
      if (signal.aborted) return;
      askedAt = performance.now();
      if (running === 0) begin();
      if (firstLooks !== undefined) await settledWithin(firstLooks, timeoutMs);
      firstLooks = undefined;
    },
  };
}
