import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { Direction } from "./direction.ts";
import type { LinkState } from "./link-state.ts";

/** The network between one client and one server: a TCP proxy that can be disturbed. */
export class Link {
  readonly #target: () => number;
  readonly #pairs = new Set<Pair>();
  readonly #server: Server;
  #state: LinkState = { kind: "open" };

  /** @param target the server's port on 127.0.0.1, asked at each connection. */
  constructor(target: () => number) {
    this.#target = target;
    this.#server = createServer({ pauseOnConnect: true }, (client) => this.#accept(client));
  }

  /** @returns the port that clients connect to */
  async open(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this.port;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" ? (address?.port ?? 0) : 0;
  }

  change(state: LinkState): void {
    this.#state = state;
    for (const pair of this.#pairs) pair.change(state);
  }

  /** Breaks every connection. @returns how many there were */
  cut(): number {
    const count = this.#pairs.size;
    for (const pair of this.#pairs) pair.cut();
    return count;
  }

  /** Whether a connection comes through here, by the port that the server sees. */
  carries(clientPort: number): boolean {
    return [...this.#pairs].some((pair) => pair.clientPort === clientPort);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  #accept(client: Socket): void {
    if (this.#state.kind === "refusing") {
      client.on("error", () => {});
      client.destroy();
      return;
    }
    const pair = new Pair(client, this.#target, this.#state, () => this.#pairs.delete(pair));
    this.#pairs.add(pair);
  }
}

/** One connection: a socket on either side. */
class Pair {
  readonly #client: Socket;
  readonly #target: () => number;
  readonly #onEnd: () => void;
  #upstream: Socket | undefined;
  #directions: readonly Direction[] = [];
  #state: LinkState;
  /** A side has gone while the link was silent, of which the other must not hear yet. */
  #isBroken = false;

  constructor(client: Socket, target: () => number, state: LinkState, onEnd: () => void) {
    this.#client = client;
    this.#target = target;
    this.#state = state;
    this.#onEnd = onEnd;
    this.#watch(client);
    if (state.kind !== "silent") this.#connect();
  }

  get clientPort(): number | undefined {
    return this.#upstream?.localPort;
  }

  change(state: LinkState): void {
    this.#state = state;
    if (state.kind !== "silent" && this.#isBroken) {
      this.cut();
      return;
    }
    if (state.kind !== "silent" && this.#upstream === undefined) this.#connect();
    for (const direction of this.#directions) direction.change(state);
  }

  /**
   * Both sides learn of it at once. Not by `resetAndDestroy`: it waits for what is still to be written, and
   * a socket that breaks meanwhile leaves a handle for which Node 20 waits for ever when the process ends.
   */
  cut(): void {
    for (const direction of this.#directions) direction.discard();
    this.#client.destroy();
    this.#upstream?.destroy();
    this.#onEnd();
  }

  #connect(): void {
    const upstream = connect(this.#target(), "127.0.0.1");
    upstream.setNoDelay(true);
    this.#client.setNoDelay(true);
    this.#upstream = upstream;
    this.#watch(upstream);
    this.#directions = [
      new Direction(this.#client, upstream, this.#state),
      new Direction(upstream, this.#client, this.#state),
    ];
  }

  #watch(socket: Socket): void {
    socket.on("error", () => {});
    socket.on("close", () => {
      if (this.#state.kind === "silent") this.#isBroken = true;
      else if (this.#directions.every((direction) => direction.isIdle)) this.cut();
      // Else what is still on its way arrives first, and then the end.
    });
  }
}
