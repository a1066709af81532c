import { type EmbeddedPostgres, startEmbeddedPostgres } from "@centralcloud/embedded";
import { Turns } from "../run/turns.ts";
import { dataIn, makeGround, removeGround } from "./ground.ts";

/** Fast disconnects everyone and ends in order; immediate is a crash that the next start recovers from. */
export type StopMode = "fast" | "immediate";

/** A PostgreSQL server of its own that can be stopped and started again with its data. */
export class ChaosServer {
  readonly name: string;
  /** One fault at a time stops or crashes it. */
  readonly turns = new Turns();
  readonly #ground: string;
  readonly #databases: readonly string[];
  #running: EmbeddedPostgres | undefined;
  #url = "";

  private constructor(name: string, ground: string, databases: readonly string[]) {
    this.name = name;
    this.#ground = ground;
    this.#databases = databases;
  }

  /** Makes a new cluster and starts it; remove it with {@link remove}. */
  static async create(name: string, databases: readonly string[]): Promise<ChaosServer> {
    const server = new ChaosServer(name, await makeGround(), databases);
    try {
      await server.start();
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  /** Changes in the rare case that the port was taken while the server was down. */
  get port(): number {
    return Number(new URL(this.#url).port);
  }

  /** As superuser; also while it is down. */
  urlOf(database: string): string {
    const url = new URL(this.#url);
    url.pathname = `/${database}`;
    return url.href;
  }

  async start(): Promise<void> {
    this.#running = await startEmbeddedPostgres({
      dataDirectory: dataIn(this.#ground),
      databases: this.#databases,
      // Commits outlive a crash of the server all the same; only the machine must not crash.
      durable: false,
      settings: { shared_buffers: "64MB", max_connections: 300 },
    });
    this.#url = this.#running.urlOf("postgres");
  }

  /**
   * Resolves when it has gone.
   *
   * @param onGoingDown called when it has been told to, and may not have gone yet.
   */
  async stop(mode: StopMode, onGoingDown: () => unknown = () => {}): Promise<void> {
    const server = this.#running;
    if (server === undefined) return;
    if (mode === "immediate") process.kill(server.processIds.server, "SIGQUIT");
    const stopped = server.stop();
    await onGoingDown();
    await stopped;
    this.#running = undefined;
  }

  /** Sends a signal to one of its processes, by the id that the server tells. */
  async signal(processId: number, signal: "SIGSTOP" | "SIGCONT"): Promise<void> {
    process.kill(processId, signal);
  }

  /** Stops it, and deletes its data. */
  async remove(): Promise<void> {
    await this.#running?.stop();
    await removeGround(this.#ground);
  }
}
