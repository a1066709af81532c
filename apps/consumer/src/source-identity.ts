import { ConfiguredSources, claimSource, SourceRefusedError } from "@centralcloud/central";
import {
  type IdentifiedSource,
  identifySource,
  isInstant,
  readConnectionFacts,
} from "@centralcloud/db";
import { messageOf } from "@centralcloud/postgres";
import type { Pool } from "pg";

type Queryable = Pick<Pool, "query">;

/** The database says that it is another one than its lanes have registered. */
export class SourceChangedError extends Error {
  readonly code = "source_changed";
  readonly sourceId: string;
  constructor(sourceId: string, change: string) {
    super(`the database is not the one any more that was registered: ${change}`);
    this.name = "SourceChangedError";
    this.sourceId = sourceId;
  }
}

/** Its server was started anew, and the central store could not be asked yet whether it is still the source. */
class SourceNotJudgedError extends Error {
  readonly code = "source_not_judged";
  constructor(cause: unknown) {
    super(
      `the server was started anew, and the central store can't be asked now whether it is still the source: ${messageOf(cause)}`,
      { cause },
    );
    this.name = "SourceNotJudgedError";
  }
}

/** What a source's clock showed. */
export interface ClockReading {
  /** In ISO 8601, to the millisecond, not rounded up. */
  readonly time: string;
  /** Not later than that, by the monotonic clock; 0 where it is not known better. */
  readonly readAt: number;
}

/** The databases of a consumer. */
export class SourceHolders extends ConfiguredSources<SourceIdentity> {
  /** From each id that is held to when its server was started; of databases that are away, none. */
  get claims(): Readonly<Record<string, string>> {
    const held = [...this.all].flatMap((one) => (one.isAway || !one.held ? [] : [one.held]));
    return Object.fromEntries(held.map(({ sourceId, server }) => [sourceId, server.startedAt]));
  }
}

export interface SourceIdentityOptions {
  readonly address: string;
  readonly central: Pool;
  readonly consumerId: string;
  readonly holders: SourceHolders;
  readonly isAway: () => boolean;
  /** A promoted standby has taken the source's place. */
  readonly onMove: (source: IdentifiedSource, from: string) => void;
}

/**
 * Which source a database is, for as long as its lanes run: they merge under the id that was claimed in the central
 * store, and under no other. Each new connection is asked where it leads before it is used; where that is another
 * database, or the central store has given the id to another one, the identity is lost, and with it the lanes.
 */
export class SourceIdentity {
  readonly #options: SourceIdentityOptions;
  #held: IdentifiedSource | undefined;
  #saidId: string | undefined;
  #lost = new AbortController();
  #clock: ClockReading | undefined;

  constructor(options: SourceIdentityOptions) {
    this.#options = options;
    options.holders.add(this);
  }

  get address(): string {
    return this.#options.address;
  }

  get isAway(): boolean {
    return this.#options.isAway();
  }

  get saidId(): string | undefined {
    return this.#saidId;
  }

  /** Undefined until it is claimed, and after it was lost. */
  get held(): IdentifiedSource | undefined {
    return this.#held;
  }

  /** Aborted, with the error as its reason, when what was claimed last is lost. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** What its clock showed when it was asked last who it is; undefined while it has said no time that there could be. */
  get clock(): ClockReading | undefined {
    return this.#clock;
  }

  /**
   * Claims the id that the database says, in the central store and in this process.
   *
   * @param client asked once more where it is refused: the server may have been restarted between question and claim.
   * @throws {SourceRefusedError} {@link StandbyError}
   */
  async claim(source: IdentifiedSource, client: Queryable): Promise<IdentifiedSource> {
    try {
      return await this.#claim(source);
    } catch (error) {
      if (!(error instanceof SourceRefusedError)) throw error;
      const again = await identifySource(client).catch(() => source);
      if (again.server.startedAt === source.server.startedAt) throw error;
      return await this.#claim(again);
    }
  }

  async #claim(source: IdentifiedSource): Promise<IdentifiedSource> {
    const { central, consumerId, holders, address, onMove } = this.#options;
    const { sourceId } = source;
    this.#saidId = sourceId;
    holders.assertAlone(this, source);
    await holders.assertOwn(this, source, central);
    const otherAddresses = holders.addressesBeside(this, sourceId);
    const options = { address, otherAddresses, consumerId };
    const { movedFrom } = await claimSource(central, source, options);
    // Another name of the same server may have come first meanwhile.
    holders.assertAlone(this, source);
    if (this.#clock === undefined) this.#noteClock(source.server.clock, 0);
    this.#held = source;
    if (this.#lost.signal.aborted) this.#lost = new AbortController();
    if (movedFrom !== null) onMove(source, movedFrom);
    return source;
  }

  /** For each new connection: it must lead to the database that was claimed. */
  async accept(client: Queryable): Promise<void> {
    const held = this.#held;
    if (held === undefined) return;
    const askedAt = performance.now();
    const found = await readConnectionFacts(client);
    const isSame =
      found?.sourceId === held.sourceId &&
      found.startedAt === held.server.startedAt &&
      Number(found.databaseOid) === held.server.databaseOid;
    if (!isSame) await this.reclaim(client);
    else this.#noteClock(found.clock, askedAt);
  }

  #noteClock(clock: string, readAt: number): void {
    const ms = isInstant(clock) ? Date.parse(clock) : 0;
    // What no server of ours shows, the central database could not read, and it is told of all sources at once.
    if (ms > 0) this.#clock = { time: new Date(ms).toISOString(), readAt };
  }

  /** Claims once more what is held: the server was restarted, or the store has another one for the id. */
  async reclaim(client: Queryable): Promise<void> {
    const held = this.#held;
    if (held === undefined) return;
    const found = await identifySource(client);
    const { sourceId } = held;
    if (found.sourceId !== sourceId) {
      throw this.#lose(new SourceChangedError(sourceId, `its source_id is ${found.sourceId} now`));
    }
    try {
      await this.claim(found, client);
    } catch (error) {
      if (error instanceof SourceRefusedError) throw this.#lose(error);
      const { systemId, databaseOid, startedAt, isStandby } = found.server;
      if (isStandby) throw error;
      const isSame = systemId === held.server.systemId && databaseOid === held.server.databaseOid;
      if (!isSame) throw this.#lose(new SourceChangedError(sourceId, "it is on another server"));
      // A store that can't be asked now. The server that it has judged is worked on; nothing is merged anyway.
      if (startedAt !== held.server.startedAt) throw new SourceNotJudgedError(error);
    }
  }

  #lose(error: Error): Error {
    this.#held = undefined;
    this.#lost.abort(error);
    return error;
  }

  /** Nothing works on it any more. */
  release(): void {
    this.#held = undefined;
  }
}
