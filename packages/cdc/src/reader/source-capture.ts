import { hostname } from "node:os";
import {
  createPool,
  endPool,
  messageOf,
  readCaptureCursor,
  readSource,
  withoutSecrets,
} from "@centralcloud/db";
import {
  type CaptureObservation,
  definePart,
  type Observe,
  type Part,
  pause,
  withoutContents,
} from "@centralcloud/service";
import type { Pool } from "pg";
import type { CaptureConfiguration } from "../configuration.ts";
import {
  CaptureStateError,
  CentralFaultError,
  centrally,
  codeOf,
  SlotBusyError,
  SlotLostError,
} from "../errors.ts";
import { formatLsn } from "../lsn.ts";
import { createSlot } from "../slot/create-slot.ts";
import { assertUsable, findSlot, type Slot } from "../slot/slot.ts";
import { captureName } from "../slot/slot-name.ts";
import { readSlot } from "./read-slot.ts";

/** How the capture of one source fares in this process. */
export interface CaptureHealth {
  /** The source's name, or its place until that is known. */
  readonly source: string;
  /** `standing-by`: another process reads the slot. `lost`: an operator has to recreate it. */
  readonly state: "starting" | "reading" | "standing-by" | "fault" | "lost";
  /** Why it is not captured, where it is not. */
  readonly error?: string;
}

export interface SourceCapture extends Part {
  health(): CaptureHealth;
}

/** How often a process that stands by tries to take over. */
const standbyMs = 1_000;
const firstRetryMs = 500;
const longestRetryMs = 5_000;
/** How often a lost slot is looked at: an operator may have recreated it. */
const lostRetryMs = 5_000;
/** How often it is told again. */
const lostAgainMs = 60_000;
const queryTimeoutMs = 60_000;
const endPoolMs = 1_000;

/**
 * Captures one source: makes its slot where nothing was captured of it yet, and reads it. Of all processes
 * that try, one reads; the others stand by and take over within seconds when its connection ends. Waits out
 * restarts of either database. A lost slot is told loudly, and left alone until an operator recreates it.
 */
export function createSourceCapture(
  url: string,
  central: Pool,
  configuration: CaptureConfiguration,
  observeCapture: Observe,
): SourceCapture {
  const sourcePool = createPool(url, {
    applicationName: "centralcloud-cdc",
    max: 3,
    queryTimeoutMs,
  });
  const stopping = new AbortController();
  const { signal } = stopping;
  let name = withoutSecrets(url);
  let sourceId: string | undefined;
  let health: Omit<CaptureHealth, "source"> = { state: "starting" };
  let loop = Promise.resolve();
  let retryMs = firstRetryMs;
  let told: string | undefined;
  let lostToldAt = 0;

  const observe: Observe = (observation) =>
    observeCapture(Object.assign({}, observation, sourceId === undefined ? {} : { sourceId }));

  /** Tells what has changed, and not the same again every second. */
  function tell(state: string, observation: CaptureObservation): void {
    if (state !== told) observe(observation);
    told = state;
  }

  function observeReader(observation: Parameters<Observe>[0]): void {
    if (observation.event === "capture-reading") {
      told = undefined;
      retryMs = firstRetryMs;
      health = { state: "reading" };
    }
    observe(observation);
  }

  async function capture(): Promise<void> {
    const source = await readSource(sourcePool);
    name = source.name;
    sourceId = source.sourceId;
    const slot = await findOrCreateSlot(source.sourceId);
    assertUsable(slot);
    const { tables, keepDays } = configuration;
    const reader = `${hostname()}:${process.pid}`;
    await readSlot(
      { url, source, sourcePool, central, tables, slot, keepDays, reader, observe: observeReader },
      signal,
    );
  }

  async function findOrCreateSlot(sourceId: string): Promise<Slot> {
    const found = await findSlot(sourcePool);
    if (found !== undefined) return found;
    const cursor = await centrally(() => readCaptureCursor(central, sourceId));
    if (cursor !== undefined) {
      throw new SlotLostError(cursor.slotName, `the slot ${cursor.slotName} is gone`);
    }
    const { tables, plugin } = configuration;
    const created = await createSlot({ url, source: sourcePool, tables, plugin }, signal);
    await created.client.end();
    const { name: slot, lsn } = created;
    const event = "capture-slot-created";
    observe({ event, source: name, slot, plugin: created.plugin, lsn: formatLsn(lsn) });
    return (await findSlot(sourcePool)) ?? fail(`the slot ${slot} has vanished`);
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        await capture();
      } catch (error) {
        if (signal.aborted) return;
        await pause(meet(error), signal);
      }
    }
  }

  /** @returns after how many milliseconds to try again. */
  function meet(error: unknown): number {
    const message = messageOf(error);
    if (error instanceof SlotBusyError || error instanceof CaptureStateError) {
      const slot = error instanceof SlotBusyError ? error.slot : captureName;
      health = { state: "standing-by" };
      tell("standing by", { event: "capture-standing-by", source: name, slot });
      return standbyMs;
    }
    if (error instanceof SlotLostError) {
      health = { state: "lost", error: withoutContents(message, codeOf(error)) };
      const isAgain = told === message && performance.now() - lostToldAt < lostAgainMs;
      if (isAgain) return lostRetryMs;
      told = message;
      lostToldAt = performance.now();
      observe({ event: "capture-lost", source: name, slot: error.slot, why: message });
      return lostRetryMs;
    }
    told = undefined;
    health = { state: "fault", error: withoutContents(message, codeOf(error)) };
    const side = error instanceof CentralFaultError ? "central" : "source";
    const jitter = 0.75 + Math.random() / 2;
    const retryInMs = Math.round(retryMs * jitter);
    retryMs = Math.min(retryMs * 2, longestRetryMs);
    const fault = { side, code: codeOf(error), error: message, retryInMs } as const;
    observe({ event: "capture-fault", source: name, ...fault });
    return retryInMs;
  }

  const part = definePart({
    name: `capture of ${name}`,
    async start() {
      loop = run();
    },
    async stop(graceMs) {
      stopping.abort();
      let ending: Promise<void> | undefined;
      const cut = () => {
        ending = endPool(sourcePool, 0);
      };
      const timer = setTimeout(cut, graceMs);
      await loop;
      clearTimeout(timer);
      await (ending ?? endPool(sourcePool, endPoolMs));
    },
  });
  return { ...part, health: () => ({ source: name, ...health }) };
}

function fail(message: string): never {
  throw new Error(message);
}
