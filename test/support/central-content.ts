import { contractFor, queueNames } from "@centralcloud/contracts";
import type { Pool } from "pg";

/** What the central store says, leaving out when and by which delivery it came to say so. */
const contentTables = queueNames.flatMap((queue) => contractFor(queue).tables);

/** Every row of the content as PostgreSQL's own text, so that two stores compare byte for byte. */
export async function centralContent(central: Pool): Promise<Record<string, string[]>> {
  const content: Record<string, string[]> = {};
  for (const table of contentTables) {
    const { rows } = await central.query<{ line: string }>(
      `select t::text as line from central.${table} t order by t::text collate "C"`,
    );
    content[table] = rows.map((row) => row.line);
  }
  return content;
}

/** Deletes rather than truncates: a few rows are gone faster than their files are replaced. */
export async function emptyCentral(central: Pool): Promise<void> {
  const tables = [...contentTables, "processed_messages"];
  await central.query(tables.map((table) => `delete from central.${table}`).join("; "));
}
