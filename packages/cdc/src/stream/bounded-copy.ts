import { ProtocolViolationError } from "@centralcloud/postgres";
import { both } from "pg-copy-streams";
import { ChangeGauge, ChangeTooLongError, defaultChangeBytes } from "./change-gauge.ts";
import { dataHeaderBytes } from "./frame.ts";

/** What waits to be read: so many messages, and so many bytes beside the one that comes. Beyond them the network waits. */
const readAhead = { messages: 256, bytes: defaultChangeBytes };

const dataDeadLetter = "w".charCodeAt(0);

/** What a slot gives, each chunk one message of the server, whole; with a bound on what is kept of it. */
export interface BoundedCopy {
  readonly stream: ReturnType<typeof both>;
  /** When anything last came, by the monotonic clock: also a part of what is left out. */
  readonly heardAt: number;
  /** The next message, if one is here. */
  read(): Buffer | undefined;
}

/**
 * Starts a copy with `pg-copy-streams`, which keeps what comes, however long it is, and counts messages.
 *
 * @param maxBytes of one change.
 * @param onEnd called where nothing more comes: behind everything before a change that is too long to be kept, or a
 *   message that can't be understood. A message that somebody has written into the log is no change: one that is too
 *   long is left out.
 */
export function createBoundedCopy(
  statement: string,
  maxBytes: number,
  onEnd: (error: ChangeTooLongError | ProtocolViolationError) => void,
): BoundedCopy {
  const stream = both(statement, {
    alignOnCopyDataFrame: true,
    readableObjectMode: true,
    readableHighWaterMark: readAhead.messages,
  });
  let ahead = 0;
  let heardAt = performance.now();
  let isWaiting = false;
  const ending: { by?: ChangeTooLongError | ProtocolViolationError } = {};
  const end = (error: ChangeTooLongError | ProtocolViolationError) => {
    ending.by ??= error;
  };
  const gauge = new ChangeGauge(
    maxBytes,
    (head) => {
      if (!isMessage(head)) end(new ChangeTooLongError(head, maxBytes));
    },
    () => end(new ProtocolViolationError("the server sent a message of an impossible length")),
  );

  const parse = stream._parse.bind(stream);
  stream._parse = (chunk) => {
    heardAt = performance.now();
    if (ending.by !== undefined) return false;
    let isDrained = true;
    for (const part of gauge.take(chunk)) isDrained = parse(part) ?? false;
    if (ending.by === undefined) return isDrained;
    // What came before it has passed now.
    onEnd(ending.by);
    return false;
  };
  const push = stream.push.bind(stream);
  stream.push = (message: Buffer | null) => {
    ahead += message?.length ?? 0;
    return push(message) && ahead < readAhead.bytes;
  };
  const pull = stream._read.bind(stream, 0);
  stream._read = () => {
    if (ahead < readAhead.bytes) pull();
    else isWaiting = true;
  };

  return {
    stream,
    get heardAt() {
      return heardAt;
    },
    read() {
      const bytes: unknown = stream.read();
      if (!Buffer.isBuffer(bytes)) return undefined;
      ahead -= bytes.length;
      if (isWaiting && ahead < readAhead.bytes) {
        isWaiting = false;
        pull();
      }
      return bytes;
    },
  };
}

/** Whether a frame begins like one of `pg_logical_emit_message`, by pgoutput or wal2json. */
function isMessage(head: Buffer): boolean {
  const start = head.subarray(dataHeaderBytes, dataHeaderBytes + 20).toString("latin1");
  return head[0] === dataDeadLetter && (start.startsWith("M") || start.startsWith('{"action":"M"'));
}
