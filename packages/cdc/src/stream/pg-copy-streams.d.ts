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
  }

  export function both(statement: string, options?: CopyBothOptions): CopyBothStream;
}
