import { hostname } from "node:os";
import {
  assertNotRefused,
  type ConfiguredSources,
  claimCapturedSource,
  type HoldingSource,
  judgeSource,
  SourceRefusedError,
  StandbyError,
} from "@centralcloud/central";
import { type IdentifiedSource, identifySource, type Source } from "@centralcloud/db";
import { createPool, endPool, formatLsn, messageOf, withoutSecrets } from "@centralcloud/postgres";
import { definePart, type Observe, type Part, pause, withoutContents } from "@centralcloud/service";
import type { Pool } from "pg";
import { readCaptureCursor } from "../change-log.ts";
import type { CaptureConfiguration } from "../configuration.ts";
import {
  CaptureStateError,
  CentralFaultError,
  centrally,
  codeOf,
  SlotBusyError,
  SlotLostError,
  UndecodableChangeError,
} from "../errors.ts";
import type { CaptureObservation } from "../observation.ts";
import {
  captureName,
  findLoss,
  findSlot,
  recreateCommand,
  type Slot,
} from "../slot/capture-slot.ts";
import { createSlot, findRefusal, type SlotWish } from "../slot/create-slot.ts";
import { dropSlot } from "../slot/drop-slot.ts";
import { assertNotLost } from "../slot/slot.ts";
import { readSlot } from "./read-slot.ts";

/** The state of the capture of one source in this process. */
export interface CaptureHealth {
  /** The source's name, or its place until that is known. */
  readonly source: string;
  /** Host, port and database. */
  readonly address: string;
  /**
   * `standing-by`: another process reads the slot. `lost`: an operator has to recreate it. `refused`: its id is another's,
   * until an operator decides whose it is.
   */
  readonly state: "starting" | "reading" | "standing-by" | "fault" | "lost" | "refused";
  /** Why it is not captured, where it is not. */
  readonly error?: string;
}

/** One of the databases that a process captures. */
export interface CapturedDatabase extends HoldingSource {
  isAway: boolean;
  saidId: string | undefined;
  held: Source | undefined;
}

export interface SourceCapture extends Part {
  health(): CaptureHealth;
}

/** How often a process that stands by tries to claim the slot. */
const standbyMs = 1_000;
const firstRetryMs = 500;
const longestRetryMs = 5_000;
/** A change that can't be decoded waits for an operator: it is tried again ever more rarely. */
const firstUndecodableMs = 5_000;
const longestUndecodableMs = 300_000;
/** How often a lost slot is looked at: an operator may have recreated it. */
const lostRetryMs = 5_000;
/** How often it is told again. */
const lostAgainMs = 60_000;
/** How often a database that is refused is looked at: an operator may have decided. */
const refusedRetryMs = 2_000;
/** How often the source is asked whether it still has its id, and the central store for whom. */
const identityCheckMs = 10_000;
const queryTimeoutMs = 60_000;
/** Of what the source is asked beside its changes: whose it is, its slot, its tables. */
const answerBytes = 1024 * 1024;
const endPoolMs = 1_000;

/**
 * Captures one source: makes its slot where nothing was captured of it yet, and reads it. Of all processes
 * that try, one reads; the others stand by, and one claims the slot within seconds when its connection ends. Waits out
 * restarts of either database. A lost slot is told loudly, and left alone until an operator recreates it.
 *
 * @param configured what the process has, this one among them.
 */
export function createSourceCapture(
  url: string,
  central: Pool,
  configuration: CaptureConfiguration,
  observeCapture: Observe<CaptureObservation>,
  configured: ConfiguredSources<CapturedDatabase>,
): SourceCapture {
  const sourcePool = createPool(url, {
    applicationName: "centralcloud-cdc",
    sessionFor: "change capture",
    max: 3,
    queryTimeoutMs,
    answerBytes,
  });
  const stopping = new AbortController();
  const { signal } = stopping;
  let name = withoutSecrets(url);
  let sourceId: string | undefined;
  let health: Omit<CaptureHealth, "source" | "address"> = { state: "starting" };
  let loop = Promise.resolve();
  let retryMs = firstRetryMs;
  let told: string | undefined;
  let lostToldAt = 0;
  /** The change that could not be decoded, and how long to wait until it is tried again. */
  let stuck: { readonly lsn: string; readonly retryMs: number } | undefined;

  const observe: Observe<CaptureObservation> = (observation) =>
    observeCapture(Object.assign({}, observation, sourceId === undefined ? {} : { sourceId }));

  /** Tells what has changed, and not the same again every second. */
  function tell(state: string, observation: CaptureObservation): void {
    if (state !== told) observe(observation);
    told = state;
  }

  function observeReader(observation: CaptureObservation): void {
    if (observation.event === "capture-reading") {
      told = undefined;
      retryMs = firstRetryMs;
      health = { state: "reading" };
    }
    observe(observation);
  }

  const address = withoutSecrets(url);
  const self: CapturedDatabase = { address, isAway: false, saidId: undefined, held: undefined };
  configured.add(self);
  let isRefused = false;

  async function identify(): Promise<IdentifiedSource> {
    try {
      const source = await identifySource(sourcePool);
      self.isAway = false;
      self.saidId = source.sourceId;
      return source;
    } catch (error) {
      self.isAway = true;
      // A standby that is promoted meanwhile may be configured, too.
      self.held = undefined;
      throw error;
    }
  }

  function askedBy(sourceId: string) {
    return { address, otherAddresses: configured.addressesBeside(self, sourceId) };
  }

  async function capture(): Promise<void> {
    const source = await identify();
    await assertOwnId(source);
    name = source.name;
    sourceId = source.sourceId;
    if (isRefused) observe({ event: "source-accepted", address, source: name, sourceId });
    isRefused = false;
    const slot = await findOrCreateSlot(source);
    const cursor = await centrally(() => readCaptureCursor(central, source.sourceId));
    assertNotLost(slot, cursor, source.server);
    const { tables, maxChangeBytes, keepDays } = configuration;
    const reader = `${hostname()}:${process.pid}`;
    const ended = new AbortController();
    const watching = watchIdentity(source, ended);
    try {
      await readSlot(
        {
          url,
          source,
          claim: () => claimCaptured(source),
          sourcePool,
          central,
          tables,
          slot,
          maxChangeBytes,
          keepDays,
          reader,
          observe: observeReader,
        },
        AbortSignal.any([signal, ended.signal]),
      );
      if (ended.signal.aborted && !signal.aborted) throw ended.signal.reason;
    } finally {
      ended.abort();
      await watching;
    }
  }

  /** The slot is read here and by nobody else. */
  async function claimCaptured(source: IdentifiedSource): Promise<void> {
    const { sourceId } = source;
    const claim = async () => await claimCapturedSource(central, source, askedBy(sourceId));
    const { movedFrom } = await orRefused(claim);
    if (movedFrom === null) return;
    observe({ event: "source-moved", source: name, sourceId, from: movedFrom, address });
  }

  /** Nothing is entered under an id that is another database's. Whose it is, consumers and operators decide. */
  async function assertOwnId(source: IdentifiedSource): Promise<void> {
    if (source.server.isStandby) throw new StandbyError();
    configured.assertAlone(self, source);
    await orRefused(async () => {
      await configured.assertOwn(self, source, central);
      await assertNotRefused(central, source, askedBy(source.sourceId));
    });
    // Another name of the same database may have come first meanwhile.
    configured.assertAlone(self, source);
    self.held = source;
  }

  /** Asks the central store: what it does not answer is its own fault. @throws {SourceRefusedError} {@link CentralFaultError} */
  async function orRefused<Result>(ask: () => Promise<Result>): Promise<Result> {
    try {
      return await ask();
    } catch (error) {
      throw error instanceof SourceRefusedError ? error : new CentralFaultError(error);
    }
  }

  /** Ends the reading where the source has got another id, or another server its id. */
  async function watchIdentity(source: IdentifiedSource, ended: AbortController): Promise<void> {
    for (;;) {
      await pause(identityCheckMs, AbortSignal.any([signal, ended.signal]));
      if (signal.aborted || ended.signal.aborted) return;
      try {
        const found = await identify();
        if (found.sourceId !== source.sourceId) {
          self.held = undefined;
          ended.abort(new CaptureStateError(`the source_id of ${name} is another one now`));
          return;
        }
        const { state, reason } = await judgeSource(central, found, askedBy(found.sourceId));
        self.held = source;
        if (state === "ok") continue;
        ended.abort(new SourceRefusedError(found.sourceId, state, reason ?? "", address));
        return;
      } catch {
        // What can't be asked is told by the reader.
      }
    }
  }

  async function findOrCreateSlot(source: IdentifiedSource): Promise<Slot> {
    const found = await findSlot(sourcePool);
    const cursor = await centrally(() => readCaptureCursor(central, source.sourceId));
    if (found !== undefined && (cursor !== undefined || !(await isLeftover(found)))) return found;
    if (cursor !== undefined) {
      // Another process may have made it, and begun, between our two looks.
      const made = await findSlot(sourcePool);
      if (made !== undefined) return made;
      throw new SlotLostError(cursor.slotName, findLoss(undefined, cursor, source.server) ?? "");
    }
    // Where the id is another's by now, no slot is left behind that would keep the server's log.
    await claimCaptured(source);
    const { tables, plugin } = configuration;
    let fallback: string | undefined;
    const wish: SlotWish = {
      url,
      source: sourcePool,
      tables,
      plugin,
      onWaiting: (waitsFor) => observe({ event: "capture-slot-waiting", source: name, waitsFor }),
      onFallback: (reason) => {
        fallback = reason;
      },
    };
    const created = await createSlot(wish, signal);
    await created.client.end();
    const { name: slot, lsn } = created;
    const event = "capture-slot-created";
    observe({
      event,
      source: name,
      slot,
      plugin: created.plugin,
      lsn: formatLsn(lsn),
      ...(fallback === undefined ? {} : { fallback }),
    });
    return (await findSlot(sourcePool)) ?? fail(`the slot ${slot} has vanished`);
  }

  /**
   * Whether a slot was only an attempt: nothing was ever read from it, and its wal2json does not know what it
   * is asked for. It is dropped, so that the server keeps nothing for it, and another can be made.
   */
  async function isLeftover({ name: slot, plugin, active }: Slot): Promise<boolean> {
    if (plugin !== "wal2json" || active) return false;
    const wish = { source: sourcePool, tables: configuration.tables };
    if ((await findRefusal(wish, slot)) === undefined) return false;
    await dropSlot(sourcePool, slot);
    return true;
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
      health = {
        state: "lost",
        error: `${withoutContents(message, codeOf(error))}; begin anew: ${recreateCommand(name)}`,
      };
      const isAgain = told === message && performance.now() - lostToldAt < lostAgainMs;
      if (isAgain) return lostRetryMs;
      told = message;
      lostToldAt = performance.now();
      const remedy = recreateCommand(name);
      observe({ event: "capture-lost", source: name, slot: error.slot, why: message, remedy });
      return lostRetryMs;
    }
    if (error instanceof SourceRefusedError) return meetRefusal(error);
    told = undefined;
    if (error instanceof UndecodableChangeError) {
      const waitMs = stuck?.lsn === error.lsn ? stuck.retryMs * 2 : firstUndecodableMs;
      stuck = { lsn: error.lsn, retryMs: Math.min(waitMs, longestUndecodableMs) };
    }
    health = { state: "fault", error: withoutContents(message, codeOf(error)) };
    const side = error instanceof CentralFaultError ? "central" : "source";
    const jitter = 0.75 + Math.random() / 2;
    const isStuck = error instanceof UndecodableChangeError;
    const retryInMs = Math.round((isStuck ? (stuck?.retryMs ?? 0) : retryMs) * jitter);
    if (!isStuck) retryMs = Math.min(retryMs * 2, longestRetryMs);
    const fault = { side, code: codeOf(error), error: message, retryInMs } as const;
    observe({ event: "capture-fault", source: name, ...fault });
    return retryInMs;
  }

  /** Nothing of the database is captured under an id that is another's. */
  function meetRefusal(error: SourceRefusedError): number {
    const { message, state } = error;
    sourceId = undefined;
    name = address;
    isRefused = true;
    health = { state: "refused", error: message };
    self.held = undefined;
    told = undefined;
    const refusal = { address, sourceId: error.sourceId, state, error: message };
    observe({ event: "source-refused", ...refusal });
    return refusedRetryMs;
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
  return { ...part, health: () => ({ source: name, address, ...health }) };
}

function fail(message: string): never {
  throw new Error(message);
}
