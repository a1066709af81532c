import { createClient } from "@centralcloud/postgres";
import pg from "pg";
import { type CapturedTables, qualify } from "../captured-tables.ts";
import type { RowChange, Transaction } from "../change.ts";
import { toJsonObject, toJsonText } from "../decode/json-value.ts";
import { renderChange } from "../reader/render-change.ts";
import type { CreatedSlot } from "../slot/create-slot.ts";

/** Rows that are held in memory at once: fewer where they are large, so that a chunk has some megabytes. */
const chunkRows = { first: 50, most: 1_000 } as const;
const chunkBytes = 8 * 1024 * 1024;

/** Bytes of one answer: a value that is longer is no string of JavaScript any more. */
const answerBytes = 512 * 1024 * 1024;

export interface SnapshotChunk {
  /** As `central.record_changes` takes them. */
  readonly changes: string;
  readonly count: number;
  /** The source's clock, in ISO 8601. */
  readonly takenAt: string;
}

/**
 * All rows of the captured tables as they were when the slot began. The first chunk is empty: it only tells
 * the time. Ordinals count from 1; 0 is the mark's.
 */
export async function* readSnapshot(
  url: string,
  slot: Pick<CreatedSlot, "lsn" | "snapshot">,
  tables: CapturedTables,
): AsyncGenerator<SnapshotChunk> {
  const client = createClient(url, {
    applicationName: "centralcloud-cdc",
    sessionFor: "change capture",
    answerBytes,
  });
  await client.connect();
  try {
    await client.query("begin isolation level repeatable read, read only");
    await client.query(`set transaction snapshot '${slot.snapshot}'`);
    const { rows } = await client.query<{ time: string }>(
      `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time`,
    );
    const takenAt = rows[0]?.time ?? new Date().toISOString();
    yield { changes: "[]", count: 0, takenAt };
    const transaction: Transaction = { lsn: slot.lsn, xid: null, committedAt: takenAt };
    let ordinal = 0;
    for (const table of tables.names) {
      for await (const values of readTable(client, table, tables)) {
        const changes = values.map(({ key, newValues }) => {
          ordinal += 1;
          return renderChange(transaction, ordinal, { ...row, table, key, newValues });
        });
        yield { changes: `[${changes.join(",")}]`, count: changes.length, takenAt };
      }
    }
    await client.query("commit");
  } finally {
    await client.end();
  }
}

const row = { operation: "snapshot", oldValues: null, unchanged: [] } as const;

type RowValues = Pick<RowChange, "key" | "newValues">;

async function* readTable(
  client: pg.Client,
  table: string,
  tables: CapturedTables,
): AsyncGenerator<readonly RowValues[]> {
  const [schema, name] = qualify(table);
  const { rows: columns } = await client.query<{ name: string; isKey: boolean }>(
    `select a.attname as name, coalesce(a.attnum = any (i.indkey), false) as "isKey"
       from pg_attribute a
       join pg_class c on c.oid = a.attrelid
       join pg_namespace n on n.oid = c.relnamespace
       left join pg_index i on i.indrelid = c.oid and i.indisprimary
      where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped
        and a.attgenerated = ''
      order by a.attnum`,
    [schema, name],
  );
  const stored = columns.filter((column) => tables.isStored(table, column.name));
  const keys = new Set(columns.filter((column) => column.isKey).map((column) => column.name));
  const list = stored.map((column) => pg.escapeIdentifier(column.name)).join(", ");
  const place = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
  await client.query(`declare snapshot_rows no scroll cursor for select ${list} from ${place}`);
  let count: number = chunkRows.first;
  for (;;) {
    const { rows, fields } = await client.query<(string | null)[]>({
      text: `fetch ${count} from snapshot_rows`,
      rowMode: "array",
      // Values as PostgreSQL writes them, as they come out of a slot.
      types: { getTypeParser: () => (text: string) => text },
    });
    if (rows.length === 0) break;
    const characters = rows.flat().reduce((sum, text) => sum + (text?.length ?? 0), 0);
    const fitting = Math.floor(chunkBytes / Math.max(1, characters / rows.length));
    count = Math.max(1, Math.min(chunkRows.most, fitting, 4 * count));
    yield rows.map((values) => {
      const all = values.map((text, index) => {
        const { name: column = "", dataTypeID = 0 } = fields[index] ?? {};
        return [column, text === null ? "null" : toJsonText(dataTypeID, text)] as const;
      });
      const key = all.filter(([column]) => keys.has(column));
      return { key: key.length === 0 ? null : toJsonObject(key), newValues: toJsonObject(all) };
    });
  }
  await client.query("close snapshot_rows");
}
