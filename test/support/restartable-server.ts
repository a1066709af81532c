import type { StopMode } from "../../tools/chaos/servers/chaos-server.ts";

/** A PostgreSQL server that a test may stop and start again, with its data and on its port. */
export interface RestartableServer {
  readonly port: number;
  /** As superuser; also while it is down. */
  urlOf(database: string): string;
  start(): Promise<void>;
  /**
   * Resolves when it has gone.
   *
   * @param onGoingDown called when it has been told to, and may not have gone yet.
   */
  stop(mode: StopMode, onGoingDown?: () => unknown): Promise<void>;
  /** Sends a signal to one of its processes, by the id that the server tells. */
  signal(processId: number, signal: "SIGSTOP" | "SIGCONT"): Promise<void>;
  /** Stops it, and deletes its data. */
  remove(): Promise<void>;
}
