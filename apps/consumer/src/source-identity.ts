import {
  claimSource,
  type IdentifiedSource,
  identifySource,
  readConnectionFacts,
  SourceRefusedError,
} from "@centralcloud/db";
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

/** A claim that one of this process's databases has on an id. */
interface Holder {
  readonly address: string;
  readonly held: IdentifiedSource | undefined;
  /** Whether its database is known to be away. */
  readonly isAway: boolean;
}

/** The databases of a process, each of which may hold one id. */
export class SourceHolders {
  readonly #holders = new Set<Holder>();

  add(holder: Holder): void {
    this.#holders.add(holder);
  }

  /** Whoever else has the id. */
  othersOf(holder: Holder, sourceId: string): Holder | undefined {
    return [...this.#holders].find((one) => one !== holder && one.held?.sourceId === sourceId);
  }

  /** What else is configured, and not known to be away. */
  otherAddresses(holder: Holder): readonly string[] {
    return [...this.#holders]
      .filter((one) => one !== holder && !one.isAway)
      .map(({ address }) => address);
  }

  /** From each id that is held to when its server was started; of databases that are away, none. */
  get claims(): Readonly<Record<string, string>> {
    const held = [...this.#holders].flatMap((one) => (one.isAway || !one.held ? [] : [one.held]));
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
  #lost = new AbortController();

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

  /** Undefined until it is claimed, and after it was lost. */
  get held(): IdentifiedSource | undefined {
    return this.#held;
  }

  /** Aborted, with the error as its reason, when what was claimed last is lost. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** @throws {SourceRefusedError} {@link StandbyError} */
  async claim(source: IdentifiedSource): Promise<void> {
    const { central, consumerId, holders, address, onMove } = this.#options;
    this.#assertAlone(source);
    const otherAddresses = holders.otherAddresses(this);
    const options = { address, otherAddresses, consumerId };
    const { movedFrom } = await claimSource(central, source, options);
    // Another name of the same server may have come first meanwhile.
    this.#assertAlone(source);
    this.#held = source;
    if (this.#lost.signal.aborted) this.#lost = new AbortController();
    if (movedFrom !== null) onMove(source, movedFrom);
  }

  /** @throws {SourceRefusedError} where another database of this process has the id. */
  #assertAlone({ sourceId, name }: IdentifiedSource): void {
    const { holders, address } = this.#options;
    const other = holders.othersOf(this, sourceId);
    if (other === undefined) return;
    const reason = `its source_id ${sourceId} is that of ${other.held?.name ?? name} at ${other.address}, which is configured, too`;
    throw new SourceRefusedError(sourceId, "conflict", reason, address);
  }

  /** For each new connection: it must lead to the database that was claimed. */
  async accept(client: Queryable): Promise<void> {
    const held = this.#held;
    if (held === undefined) return;
    const found = await readConnectionFacts(client);
    const isSame =
      found?.sourceId === held.sourceId &&
      found.startedAt === held.server.startedAt &&
      Number(found.databaseOid) === held.server.databaseOid;
    if (!isSame) await this.reclaim(client);
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
      await this.claim(found);
    } catch (error) {
      if (error instanceof SourceRefusedError) throw this.#lose(error);
      const { systemId, databaseOid } = found.server;
      const isSame = systemId === held.server.systemId && databaseOid === held.server.databaseOid;
      // A standby, or a store that can't be asked now. The heartbeat asks it again; until then nothing is merged.
      if (found.server.isStandby) throw error;
      if (!isSame) throw this.#lose(new SourceChangedError(sourceId, "it is on another server"));
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
