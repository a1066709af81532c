import type { Source } from "@centralcloud/db";
import { pause } from "@centralcloud/service";
import type { Pool } from "pg";
import { readOwnAddress, SourceRefusedError, sayConfiguredToo } from "./source-registry.ts";

/** One of the databases that a process has configured, as far as the process knows. */
export interface ConfiguredSource {
  /** Host, port and database. */
  readonly address: string;
  /** Whether it is known not to answer, or not to be consumed. */
  readonly isAway: boolean;
  /** The id that it said last; undefined before it has said any. */
  readonly saidId: string | undefined;
}

/**
 * Which of the others may be the same source as the one that says `sourceId`: those that answer, and say that id, or have
 * not said any yet. An address alone tells nothing: each host has a `localhost` of its own.
 */
function twinsOf<Configured extends ConfiguredSource>(
  one: Configured,
  all: Iterable<Configured>,
  sourceId: string,
): readonly Configured[] {
  return [...all].filter(
    (other) =>
      other !== one && !other.isAway && (other.saidId === undefined || other.saidId === sourceId),
  );
}

/** A database that may hold a source's id in this process. */
export interface HoldingSource extends ConfiguredSource {
  /** The source that it is worked on as; undefined while it is not. */
  readonly held: Source | undefined;
}

/** How long a database waits for another one of the process to say its id, and how often it looks, in milliseconds. */
const twinTimeoutMs = 2_000;
const twinPollMs = 50;

/** The databases of a process, each of which may hold one id. */
export class ConfiguredSources<One extends HoldingSource> {
  readonly #all = new Set<One>();

  add(one: One): void {
    this.#all.add(one);
  }

  /** All of them. */
  get all(): Iterable<One> {
    return this.#all;
  }

  /** Where else the source may be. */
  addressesBeside(one: One, sourceId: string): readonly string[] {
    return twinsOf(one, this.#all, sourceId).map(({ address }) => address);
  }

  /** @throws {SourceRefusedError} where another database of this process has the id. */
  assertAlone(one: One, { sourceId, name }: Source): void {
    const other = [...this.#all].find((each) => each !== one && each.held?.sourceId === sourceId);
    if (other === undefined) return;
    const reason = sayConfiguredToo(other.held ?? { sourceId, name }, other.address);
    throw new SourceRefusedError(sourceId, "conflict", reason, one.address);
  }

  /**
   * What a server says of itself can be forged. So an id belongs to the database at its own address, wherever a process
   * has that one configured, too.
   *
   * @throws {SourceRefusedError}
   */
  async assertOwn(one: One, source: Source, central: Pool): Promise<void> {
    const own = await readOwnAddress(central, source.sourceId);
    if (own === undefined || own === one.address) return;
    const deadline = performance.now() + twinTimeoutMs;
    for (;;) {
      const twins = twinsOf(one, this.#all, source.sourceId);
      const twin = twins.find(({ address }) => address === own);
      if (twin === undefined) return;
      if (twin.saidId !== undefined || performance.now() > deadline) {
        const reason = sayConfiguredToo(source, own);
        throw new SourceRefusedError(source.sourceId, "conflict", reason, one.address);
      }
      await pause(twinPollMs, new AbortController().signal);
    }
  }
}
