import type { Settings } from "./configuration.ts";
import type { SerializedError } from "./errors.ts";

/** What the process that wants a server and the watchdog that keeps it say to each other. */
export interface WatchdogRequest {
  /** Absolute. Without one a temporary directory is used. */
  readonly dataDirectory?: string;
  readonly durable: boolean;
  readonly settings: Settings;
  readonly wantsLog: boolean;
  /** For whoever finds the data directory in use. */
  readonly holder: string;
}

export type ToWatchdog =
  | { readonly type: "start"; readonly request: WatchdogRequest }
  | { readonly type: "stop" };

export type FromWatchdog =
  /** Claimed; from now on there may be something to clean up. */
  | { readonly type: "claimed"; readonly directory: string; readonly isTemporary: boolean }
  | { readonly type: "ready"; readonly server: ServerAddress }
  | { readonly type: "failed"; readonly error: SerializedError }
  | { readonly type: "log"; readonly line: string };

export interface ServerAddress {
  readonly pid: number;
  readonly port: number;
  readonly password: string;
}
