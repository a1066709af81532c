import type { IdentifiedSource } from "@centralcloud/db";
import type { Observe } from "@centralcloud/service";
import type { Pool } from "pg";
import type { CapturedTables } from "../captured-tables.ts";
import type { Slot } from "../slot/capture-slot.ts";

export interface SlotReaderOptions {
  readonly url: string;
  readonly source: IdentifiedSource;
  /** Called once nobody else can read the slot, before anything is recorded. @throws {SourceRefusedError} */
  readonly claim: () => Promise<void>;
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
