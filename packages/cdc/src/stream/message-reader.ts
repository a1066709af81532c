import { formatLsn } from "@centralcloud/postgres";
import type { CapturedTables } from "../captured-tables.ts";
import type { Decoder, StreamEvent } from "../decode/decoder.ts";
import { failedAt, SourceFaultError, UndecodableChangeError } from "../errors.ts";
import type { Slot } from "../slot/capture-slot.ts";
import { ChangeTooLongError } from "./change-gauge.ts";
import { type DataFrame, type Frame, parseFrame } from "./frame.ts";
import type { ReplicationStream } from "./replication-stream.ts";

export interface MessageReaderOptions {
  readonly url: string;
  /** The source's name, where it is known. */
  readonly sourceName: string | undefined;
  readonly tables: CapturedTables;
  readonly slot: Pick<Slot, "name" | "plugin">;
  readonly stream: ReplicationStream;
  readonly decoder: Decoder;
  /** Where the transaction that has begun is committed. */
  readonly commitLsn: () => bigint | undefined;
  /** Which table the change at a place is of, where the stream does not tell. */
  readonly findUndecodableTable: (lsn: string, commitLsn: bigint) => Promise<string | undefined>;
}

/** Reads what a slot gives. What can't be decoded, here or by the server, is named by its table and its place. */
export interface MessageReader {
  /** The next message; undefined where none has come yet. @throws {UndecodableChangeError} */
  read(): Promise<Frame | undefined>;
  /** @throws {UndecodableChangeError} */
  decode(frame: DataFrame): Promise<readonly StreamEvent[]>;
}

export function createMessageReader(options: MessageReaderOptions): MessageReader {
  const { sourceName, slot, stream, decoder, commitLsn, findUndecodableTable } = options;

  async function namesOfFailure(lsn: string): Promise<readonly string[]> {
    const commit = commitLsn();
    if (slot.plugin === "pgoutput" || commit === undefined) return decoder.expected;
    const table = await findUndecodableTable(lsn, commit);
    return table === undefined ? [] : [table];
  }

  function undecodable(payload: Buffer, lsn: bigint, cause: unknown): UndecodableChangeError {
    const table = decoder.tableOf(payload);
    const place = formatLsn(lsn > 0n ? lsn : (commitLsn() ?? 0n));
    const named = { tables: table === undefined ? [] : [table], lsn: place };
    return new UndecodableChangeError(named, sourceName, cause);
  }

  return {
    async read() {
      try {
        return stream.read();
      } catch (error) {
        if (error instanceof ChangeTooLongError) {
          const frame = parseFrame(error.head);
          if (frame.kind === "data") throw undecodable(frame.payload, frame.lsn, error);
        }
        const lsn = failedAt(error);
        if (lsn === undefined) throw error;
        const named = await namesOfFailure(lsn);
        throw new UndecodableChangeError({ tables: named, lsn }, sourceName, error);
      }
    },
    async decode({ payload, lsn }) {
      try {
        const events = decoder.decode(payload);
        return events instanceof Promise ? await events : events;
      } catch (error) {
        if (error instanceof SourceFaultError) throw error;
        throw undecodable(payload, lsn, error);
      }
    },
  };
}
