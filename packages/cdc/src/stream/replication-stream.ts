import { once } from "node:events";
import { pause } from "@centralcloud/service";
import type pg from "pg";
import {
  codeOf,
  failedAt,
  isOptionFault,
  PluginTooOldError,
  SilentServerError,
  SlotBusyError,
  SlotLostError,
  SlotUnreadableError,
} from "../errors.ts";
import { type BoundedCopy, createBoundedCopy } from "./bounded-copy.ts";
import { type Frame, parseFrame, renderStatus } from "./frame.ts";
import {
  connectForReplication,
  identifyServer,
  type ServerIdentity,
} from "./replication-connection.ts";

export interface ReplicationStreamOptions {
  readonly url: string;
  readonly slot: string;
  /** What the output plugin is told. */
  readonly options: Readonly<Record<string, string>>;
  /** Bytes of one change. */
  readonly maxChangeBytes: number;
  /** Where a temporary slot was made: it lives as long as this connection, and is read on it. */
  readonly client?: pg.Client;
}

/** What a slot gives, message by message, as fast as it is taken and no faster. */
export interface ReplicationStream {
  readonly server: ServerIdentity;
  /** The next message, if one is here. @throws what ended the stream, such as a {@link ChangeTooLongError}. */
  read(): Frame | undefined;
  /**
   * Waits until there is something to read, for so many milliseconds, or until the signal is aborted.
   *
   * @throws {SilentServerError} where the server has not been heard of for long.
   */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** Everything before this need not be sent again. Told to the server within a second, or at once. */
  confirm(lsn: bigint): void;
  /** Tells the server what was confirmed, and leaves the slot; never fails. */
  close(graceMs: number): Promise<void>;
}

/** Well below `serverTimeoutMs`. */
const statusEveryMs = 1_000;
/** The server answers every status, so this is several answers that did not come. */
const silenceMs = 10_000;

/**
 * Starts to read a slot where it was confirmed last. The signal ends the attempt, not the stream.
 *
 * @throws {SlotBusyError} when another process reads it.
 * @throws {SlotLostError} when the server no longer has what follows.
 */
export async function openReplicationStream(
  input: ReplicationStreamOptions,
  signal: AbortSignal,
): Promise<ReplicationStream> {
  const client = input.client ?? (await connectForReplication(input.url, signal));
  const cut = () => void client.end().catch(() => {});
  // A server that says nothing would be waited for without end.
  const timer = setTimeout(cut, silenceMs);
  signal.addEventListener("abort", cut, { once: true });
  try {
    signal.throwIfAborted();
    const server = await identifyServer(client);
    const { copy, failure } = await startCopy(client, input);
    return createStream(client, copy, server, input.slot, failure);
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", cut);
  }
}

/** What ended a stream, behind everything that it has given; undefined while it continues. */
interface Failure {
  error: unknown;
  tell(): void;
}

/**
 * Where the server can't decode the very first change, that is the failure of a stream like any other: what it gave
 * before can be read, and tells where that change is.
 */
async function startCopy(
  client: pg.Client,
  { slot, options, maxChangeBytes }: ReplicationStreamOptions,
): Promise<{ readonly copy: BoundedCopy; readonly failure: Failure }> {
  const list = Object.entries(options).map(([name, value]) => `"${name}" ${quote(value)}`);
  const statement = `START_REPLICATION SLOT "${slot}" LOGICAL 0/0 (${list.join(", ")})`;
  const failure: Failure = { error: undefined, tell: () => {} };
  const copy = createBoundedCopy(statement, maxChangeBytes, (error) => {
    failure.error ??= error;
    failure.tell();
  });
  const { stream } = copy;
  client.query(stream);
  // The server says something at once: a keepalive at least.
  stream.read(0);
  try {
    const tooLong = new Promise<void>((resolve) => {
      failure.tell = resolve;
    });
    await Promise.race([once(stream, "readable"), tooLong]);
    return { copy, failure };
  } catch (error) {
    if (failedAt(error) === undefined) throw explain(error, slot);
    failure.error ??= error;
    return { copy, failure };
  }
}

/** 55006: object in use. 55000: object not in prerequisite state. 42704: there is no such slot. */
function explain(error: unknown, slot: string): unknown {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (code === "55006") return new SlotBusyError(slot, { cause: error });
  if (code === "42704" && message.includes("replication slot")) {
    return new SlotLostError(slot, `the slot ${slot} is gone`, { cause: error });
  }
  // What was written while there was no publication can't be decoded, also after it was made anew.
  if (code === "42704" && message.includes("publication")) {
    const why = `the slot ${slot} has changes from when its publication was missing, which can't be decoded`;
    return new SlotUnreadableError(slot, why, { cause: error });
  }
  if (isOptionFault(error)) return new PluginTooOldError(message, { cause: error });
  const isInvalidated = /can no longer (get changes from|access) replication slot|invalidated/i;
  if (code === "55000" && isInvalidated.test(message)) {
    return new SlotLostError(slot, message, { cause: error });
  }
  return error;
}

function createStream(
  client: pg.Client,
  copy: BoundedCopy,
  server: ServerIdentity,
  slot: string,
  failure: Failure,
): ReplicationStream {
  const { stream } = copy;
  let received = 0n;
  let confirmed = 0n;
  let heardAt = performance.now();
  if (failure.error !== undefined) failure.error = explain(failure.error, slot);
  let wake = () => {};
  failure.tell = () => wake();

  const end = (error: unknown) => {
    failure.error ??= explain(error, slot);
    wake();
  };
  stream.on("error", end);
  stream.on("end", () => end(new Error("the source's server ended the stream")));
  client.on("end", () => end(new Error("the connection to the source's server ended")));
  stream.on("readable", () => wake());

  function sendStatus(): void {
    if (failure.error === undefined && stream.writable)
      stream.write(renderStatus(received, confirmed, Date.now()));
  }
  const timer = setInterval(sendStatus, statusEveryMs);
  sendStatus();

  function read(): Frame | undefined {
    const bytes = copy.read();
    if (bytes === undefined) {
      if (failure.error !== undefined) throw failure.error;
      return undefined;
    }
    heardAt = performance.now();
    const frame = parseFrame(bytes);
    if (frame.kind === "keepalive" && frame.walEnd > received) received = frame.walEnd;
    return frame;
  }

  async function wait(ms: number, signal: AbortSignal): Promise<void> {
    if (failure.error !== undefined || stream.readableLength > 0) return;
    // While we read nothing, because the central store is slow, the server's silence is our own.
    const lastHeardAt = Math.max(heardAt, copy.heardAt);
    if (performance.now() - lastHeardAt > silenceMs) throw new SilentServerError(silenceMs / 1000);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, signal.aborted ? 0 : ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener("abort", wake);
    });
    signal.removeEventListener("abort", wake);
    wake = () => {};
  }

  async function close(graceMs: number): Promise<void> {
    clearInterval(timer);
    wake();
    sendStatus();
    if (failure.error === undefined && stream.writable && graceMs > 0) {
      // The server answers the end of our side with the end of its own, after what it has sent already.
      const farewell = new AbortController();
      const finish = () => farewell.abort();
      stream.once("end", finish).once("error", finish);
      stream.on("readable", () => {
        while (copy.read() !== undefined);
      });
      stream.end();
      stream.read(0);
      await pause(graceMs, farewell.signal);
    }
    stream.on("error", () => {});
    stream.destroy();
    // An active statement is cut, which ends the connection at once.
    await client.end().catch(() => {});
  }

  return {
    server,
    read,
    wait,
    confirm(lsn) {
      if (lsn <= confirmed) return;
      confirmed = lsn;
      sendStatus();
    },
    close,
  };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
