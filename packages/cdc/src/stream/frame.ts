import { formatMicroseconds, postgresEpochMs } from "../timestamp.ts";

/*
 * The messages of the streaming replication protocol, inside the copy stream; see the manual's chapter
 * "Streaming Replication Protocol".
 */

export type Frame =
  /** What the output plugin wrote at once. */
  | {
      readonly kind: "data";
      /** Where in the log it is told of; 0 where the plugin does not say. */
      readonly lsn: bigint;
      /** When the server sent it, by its clock: microseconds since PostgreSQL's epoch. */
      readonly sentAt: bigint;
      readonly payload: Buffer;
    }
  | {
      readonly kind: "keepalive";
      /** Everything that was committed before this has been sent. */
      readonly walEnd: bigint;
      /** The source's clock, in ISO 8601. */
      readonly serverTime: string;
      /** The server is waiting to hear how far we are, for instance because it shuts down. */
      readonly wantsReply: boolean;
    };

/** What the output plugin wrote at once. */
export type DataFrame = Extract<Frame, { kind: "data" }>;

/** What comes before the payload of a data frame: its type, where it begins and ends in the log, and when. */
export const dataHeaderBytes = 25;

export function parseFrame(bytes: Buffer): Frame {
  const type = String.fromCharCode(bytes.readUInt8(0));
  if (type === "w") {
    return {
      kind: "data",
      lsn: bytes.readBigUInt64BE(1),
      sentAt: bytes.readBigInt64BE(17),
      payload: bytes.subarray(dataHeaderBytes),
    };
  }
  if (type === "k") {
    const walEnd = bytes.readBigUInt64BE(1);
    const serverTime = formatMicroseconds(bytes.readBigInt64BE(9));
    return { kind: "keepalive", walEnd, serverTime, wantsReply: bytes.readUInt8(17) === 1 };
  }
  throw new Error(`the server sent a replication message that is not known here: ${type}`);
}

/**
 * A standby status update: everything before `flushed` is ours and need not be sent again. It asks the
 * server to answer, so that its silence means something.
 */
export function renderStatus(received: bigint, flushed: bigint, nowMs: number): Buffer {
  const bytes = Buffer.alloc(34);
  bytes.write("r", 0, "latin1");
  bytes.writeBigUInt64BE(received > flushed ? received : flushed, 1);
  bytes.writeBigUInt64BE(flushed, 9);
  bytes.writeBigUInt64BE(flushed, 17);
  bytes.writeBigInt64BE(BigInt(nowMs - postgresEpochMs) * 1000n, 25);
  bytes.writeUInt8(1, 33);
  return bytes;
}
