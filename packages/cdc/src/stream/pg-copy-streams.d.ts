/* What we use of pg-copy-streams, whose published types leave `both` out. */
declare module "pg-copy-streams" {
  import type { Duplex, DuplexOptions } from "node:stream";
  import type { Connection, Submittable } from "pg";

  interface CopyBothOptions extends DuplexOptions {
    /** Each chunk that is read is one message of the server, whole. */
    readonly alignOnCopyDataFrame?: boolean;
  }

  interface CopyBothStream extends Duplex, Submittable {
    submit(connection: Connection): void;
    /** Takes what the socket has given; false, or nothing, where no more is wanted for now. Of version 7.0.0. */
    _parse(chunk: Buffer): boolean | undefined;
  }

  export function both(statement: string, options?: CopyBothOptions): CopyBothStream;
}
