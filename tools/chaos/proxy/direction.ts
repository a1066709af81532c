import type { Socket } from "node:net";
import type { LinkState } from "./link-state.ts";

interface Parcel {
  /** Undefined is the end of the stream. */
  readonly bytes: Buffer | undefined;
  /** On the clock of `performance.now()`. */
  readonly dueAt: number;
}

/** What one side of a connection says to the other, in order, whatever happens to the link meanwhile. */
export class Direction {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #underWay: Parcel[] = [];
  #state: LinkState;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, state: LinkState) {
    this.#from = from;
    this.#to = to;
    this.#state = state;
    from.on("data", (bytes: Buffer) => this.#take(bytes));
    from.on("end", () => this.#take(undefined));
    from.on("close", () => this.#take(undefined));
    to.on("drain", () => this.#deliver());
    if (state.kind === "silent") from.pause();
    else from.resume();
  }

  get isIdle(): boolean {
    return this.#underWay.length === 0;
  }

  change(state: LinkState): void {
    this.#state = state;
    if (state.kind === "silent") this.#from.pause();
    else this.#deliver();
  }

  /** Loses what is still on its way. */
  discard(): void {
    this.#underWay.length = 0;
    clearTimeout(this.#timer);
  }

  #take(bytes: Buffer | undefined): void {
    const delayMs = this.#state.kind === "slow" ? this.#state.ms : 0;
    this.#underWay.push({ bytes, dueAt: performance.now() + delayMs });
    this.#deliver();
  }

  #deliver(): void {
    clearTimeout(this.#timer);
    if (this.#to.destroyed) this.discard();
    if (this.#state.kind === "silent") return;
    for (let next = this.#underWay[0]; next !== undefined; next = this.#underWay[0]) {
      const waitMs = next.dueAt - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#deliver(), waitMs);
        return;
      }
      if (this.#to.writableNeedDrain) {
        this.#from.pause();
        return;
      }
      this.#underWay.shift();
      if (next.bytes === undefined) this.#to.end();
      else if (this.#to.writable) this.#to.write(next.bytes);
    }
    this.#from.resume();
  }
}
