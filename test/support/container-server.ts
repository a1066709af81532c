import { randomBytes } from "node:crypto";
import { assertReachable } from "@centralcloud/postgres";
import type { StopMode } from "../../tools/chaos/servers/chaos-server.ts";
import { findFreePort } from "../../tools/support/free-port.ts";
import { findEngine } from "./build-image.ts";
import { fullProfileContainer } from "./full-profile-container.ts";
import { type Container, execIn } from "./hardened-container.ts";
import type { RestartableServer } from "./restartable-server.ts";
import { until } from "./until.ts";

/** PostgreSQL is the container's first process: the container stops with it, and starts it again. */
const stopSignals: Readonly<Record<StopMode, string>> = { fast: "SIGINT", immediate: "SIGQUIT" };

/** A server of the full profile in a container of its own, with data that outlive its restarts. */
export class ContainerServer implements RestartableServer {
  readonly port: number;
  readonly #container: Container;
  readonly #password: string;

  private constructor(container: Container, port: number, password: string) {
    this.#container = container;
    this.port = port;
    this.#password = password;
  }

  /** Makes a container and starts it; remove it with {@link remove}. */
  static async create(image: string): Promise<ContainerServer> {
    // The engine would choose another port at each start.
    const port = await findFreePort();
    const password = randomBytes(16).toString("hex");
    // Commits outlive a crash of the server nevertheless; only the machine must not crash.
    const started = await fullProfileContainer(image, port)
      .withEnvironment({ POSTGRES_PASSWORD: password })
      .withCommand(["-c", "fsync=off", "-c", "full_page_writes=off"])
      .start();
    const container = (await findEngine()).getContainer(started.getId());
    return new ContainerServer(container, port, password);
  }

  urlOf(database: string): string {
    return `postgres://postgres:${this.#password}@localhost:${this.port}/${database}`;
  }

  async start(): Promise<void> {
    await this.#container.start();
    await until("the restarted server to answer", () =>
      assertReachable([this.urlOf("postgres")]).then(
        () => true,
        () => false,
      ),
    );
  }

  async stop(mode: StopMode, onGoingDown: () => unknown = () => {}): Promise<void> {
    await this.#container.kill({ signal: stopSignals[mode] });
    await onGoingDown();
    await this.#container.wait();
  }

  /** The process ids that the server tells are those of the container. */
  async signal(processId: number, signal: "SIGSTOP" | "SIGCONT"): Promise<void> {
    const exitCode = await execIn(this.#container, [
      "bash",
      "-c",
      `kill -s ${signal} ${processId}`,
    ]);
    if (exitCode !== 0) throw new Error(`the process ${processId} of the container has gone`);
  }

  async remove(): Promise<void> {
    await this.#container.remove({ force: true, v: true });
  }
}
