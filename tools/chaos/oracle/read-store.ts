import { queueNames } from "@centralcloud/contracts";
import { asText, type ReadTable } from "../queues/queue.ts";
import { chaosQueue } from "../queues.ts";
import type { Queryable } from "../servers/chaos-database.ts";
import { keyOf, type Rows, type StoreContent } from "./store-content.ts";

const sources: ReadTable = { key: [asText("source_id")], columns: ["name"] };

/** What the central store holds, its values as text without any spelling that does not matter. */
export async function readStore(central: Queryable): Promise<StoreContent> {
  const content: Record<string, Rows> = {};
  const tables = [{ sources }, ...queueNames.map((queue) => chaosQueue(queue).tables)];
  for (const [name, { key, columns }] of tables.flatMap((some) =>
    Object.entries<ReadTable>(some),
  )) {
    const rows = await central.query<Record<string, string>>(
      `select ${[...key, ...columns].join(", ")} from central.${name}`,
    );
    content[name] = new Map(
      rows.map((row) => {
        // In the order that was asked for, the key first.
        const entries = Object.entries(row);
        const keyColumns = entries.slice(0, key.length).map(([, value]) => value);
        return [keyOf(...keyColumns), Object.fromEntries(entries.slice(key.length))];
      }),
    );
  }
  return content as StoreContent;
}
