import type { Slot, Source } from "@centralcloud/db";
import type { Observe } from "@centralcloud/service";
import type { Pool } from "pg";
import type { CapturedTables } from "../captured-tables.ts";

export interface SlotReaderOptions {
  readonly url: string;
  readonly source: Source;
  readonly sourcePool: Pool;
  readonly central: Pool;
  readonly tables: CapturedTables;
  readonly slot: Slot;
  /** Bytes of one change. */
  readonly maxChangeBytes: number;
  /** Days that the change log goes back. */
  readonly keepDays: number;
  /** Host and process, for whoever asks who reads. */
  readonly reader: string;
  readonly observe: Observe;
}
