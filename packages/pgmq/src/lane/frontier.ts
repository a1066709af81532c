import type { MessageIdentity, ReadLimits } from "../client/message.ts";

/** How many reads in a row may begin behind the last one. */
const readsAhead = 16;

/** Where a read begins. */
export type Start = Pick<ReadLimits, "afterId" | "afterOthers">;

const fromTheStart: Start = {};

/**
 * From where the next read looks. After a full batch it goes on behind it: what lies in front is in
 * flight, or dead, and stepping over it costs more the more there is. Where others read, too, the next
 * messages are in flight as well, so it begins behind what was claimed last. What comes back to the
 * queue meanwhile lies in front, so every now and then, and whenever a batch was not full, the read
 * begins at the start.
 */
export class Frontier {
  #next = fromTheStart;
  #reads = 0;
  /** How often in a row others had read before what a read found. */
  #jumps = 0;

  get next(): Start {
    return this.#next;
  }

  /** Whether the next read sees all that is visible. */
  get atStart(): boolean {
    return this.#next === fromTheStart;
  }

  /** Others read this queue, too, as it seems: now and then a number is missing anyway. */
  get isShared(): boolean {
    return this.#jumps >= 3;
  }

  /** @param full what a read got, lowest id first, if it was all that it asked for; else undefined. */
  moved(full: readonly Pick<MessageIdentity, "msgId">[] | undefined): void {
    this.#reads += 1;
    const firstId = full?.[0]?.msgId;
    const afterId = full?.at(-1)?.msgId;
    const before = this.#next.afterId;
    const afterOthers =
      firstId !== undefined && before !== undefined && BigInt(firstId) > BigInt(before) + 1n;
    if (firstId === undefined) this.#jumps = 0;
    else if (before !== undefined) this.#jumps = afterOthers ? this.#jumps + 1 : 0;
    if (firstId === undefined || afterId === undefined || this.#reads >= readsAhead) {
      this.#next = fromTheStart;
      this.#reads = 0;
      return;
    }
    this.#next = { afterId, afterOthers };
  }
}
