import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/* What a fourth queue, `agent-notes`, needs: files that are new, and what is added to those that are there. */

/** Gives the text of a file with something added. */
type Addition = (text: string) => string;

/** A file that is there, and what is added to it, in turn; or one that is made. */
type Place =
  | { readonly file: string; readonly adds: readonly Addition[] }
  | { readonly file: string; readonly makes: string };

const first =
  (line: string): Addition =>
  (text) =>
    `${line}\n${text}`;

const last =
  (lines: string): Addition =>
  (text) =>
    `${text}${lines}\n`;

/** Behind the one place that has these words. */
const behind =
  (words: string, added: string): Addition =>
  (text) => {
    const [before, after, ...more] = text.split(words);
    if (after === undefined || more.length > 0) throw new Error(`there is not one ${words}`);
    return `${before}${words}${added}${after}`;
  };

/** Before the end of an object that is the value of a constant. */
const entryOf =
  (constant: string, entry: string): Addition =>
  (text) => {
    const start = text.search(new RegExp(`^(export )?const ${constant}\\b`, "m"));
    const end = text.indexOf("\n}", start);
    if (start === -1 || end === -1) throw new Error(`there is no ${constant}`);
    return `${text.slice(0, end)}\n  ${entry},${text.slice(end)}`;
  };

const queue = '"agent-notes"';

export const contract: readonly Place[] = [
  { file: "packages/contracts/src/queues/agent-notes.ts", makes: "contract.ts.txt" },
  {
    file: "packages/contracts/src/queues.ts",
    adds: [
      first('import { noteContract } from "./queues/agent-notes.ts";'),
      behind("sessionContract, knowledgeContract", ", noteContract"),
    ],
  },
];

const mergeArguments = "(uuid, text, bigint[], timestamptz[], jsonb)";
const table = behind("central.knowledge_summaries,", " central.agent_notes,");

export const rest: readonly Place[] = [
  { file: "sql/central/functions/merge_notes.sql", makes: "merge_notes.sql.txt" },
  {
    file: "sql/central/grants/centralcloud_consumer.sql",
    adds: [
      behind(`central.merge_knowledge${mergeArguments},`, ` central.merge_notes${mergeArguments},`),
      table,
    ],
  },
  { file: "sql/central/grants/centralcloud_operator.sql", adds: [table] },
  { file: "sql/central/grants/centralcloud_viewer.sql", adds: [table] },
  {
    file: "packages/db/src/schema/central.ts",
    adds: [
      last(`
export const agentNotes = central.table(
  "agent_notes",
  {
    sourceId: uuid("source_id").notNull(),
    noteId: text("note_id").notNull(),
    agentId: text("agent_id").notNull(),
    note: jsonb("note").notNull(),
    notedAt: instant("noted_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.sourceId, table.noteId] })],
);`),
    ],
  },
  {
    file: "packages/contracts/test/messages.ts",
    adds: [
      entryOf(
        "minimal",
        `${queue}: { agent_id: "a", note_id: "n", note: {}, noted_at: "2025-10-25T10:00:00Z" }`,
      ),
      entryOf(
        "fieldsOf",
        `${queue}: { agent_id: identifier, note_id: identifier, note: object, noted_at: timestamp }`,
      ),
    ],
  },
  {
    file: "packages/contracts/test/messages.jsonl",
    adds: [
      last(
        `{"queue":${queue},"result":"accept","note":"a note","message":{"agent_id":"a","note_id":"n","note":{},"noted_at":"2025-10-25T10:00:00Z"}}
{"queue":${queue},"result":"invalid","note":"no note","message":{"agent_id":"a","note_id":"n","noted_at":"2025-10-25T10:00:00Z"}}`,
      ),
    ],
  },
  {
    file: "packages/trace/src/read-store.ts",
    adds: [
      entryOf(
        "readers",
        `${queue}: { what: "notes in the central store", ofAgent: async () => {} }`,
      ),
    ],
  },
  { file: "tools/chaos/queues/agent-notes.ts", makes: "chaos-queue.ts.txt" },
  {
    file: "tools/chaos/queues.ts",
    adds: [
      first('import { noteQueue } from "./queues/agent-notes.ts";'),
      entryOf("queues", `${queue}: noteQueue`),
    ],
  },
  { file: "test/support/queue-cases/agent-notes.ts", makes: "queue-case.ts.txt" },
  {
    file: "test/support/queue-cases.ts",
    adds: [
      first('import { noteCase } from "./queue-cases/agent-notes.ts";'),
      entryOf("queueCases", `${queue}: noteCase`),
    ],
  },
  {
    file: "test/dlq/masked-output.test.ts",
    adds: [entryOf("messages", `${queue}: [{ note: secret }]`)],
  },
  {
    file: "test/rights/rights.ts",
    adds: [
      behind(
        '"function central.merge_knowledge": { consumer: "execute" },',
        `
  "function central.merge_notes": { consumer: "execute" },
  "table central.agent_notes": { consumer: "select", operator: "select", viewer: "select" },`,
      ),
    ],
  },
  {
    file: "tools/mutants/catalogue/sql.mjs",
    adds: [entryOf("objects", '"central/functions/merge_notes": ["test:properties/merges"]')],
  },
  {
    file: "docs/operate/evening.md",
    adds: [behind("… agent-knowledge-updates … 0\n", "… agent-notes … 0\n")],
  },
];

/** @param root of a copy of the repository. */
export function add(root: string, places: readonly Place[]): void {
  for (const place of places) {
    const path = join(root, place.file);
    const text =
      "makes" in place
        ? readFileSync(new URL(place.makes, import.meta.url), "utf8")
        : place.adds.reduce((sofar, addition) => addition(sofar), readFileSync(path, "utf8"));
    writeFileSync(path, text);
  }
}
