import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createTestDatabase, dropTestDatabase, type TestDatabase } from "../support/databases.ts";
import { buildKustomization } from "../support/kustomize.ts";
import { createLogin, dropLogin, type Login } from "../support/logins.ts";
import { add, contract, rest } from "./fourth-queue/additions.ts";
import { copyRepository, type RepositoryCopy } from "./repository-copy.ts";

/*
 * A fourth queue, `agent-notes`, is added to a copy of the repository. First its contract alone: each place that lacks it
 * is named, by the check or by the compiler. Then what was named: a message goes from the queue into the central store.
 */

let copy: RepositoryCopy;
let source: TestDatabase;
let central: TestDatabase;
let consumer: Login;

beforeAll(async () => {
  copy = await copyRepository();
  source = await createTestDatabase();
  central = await createTestDatabase();
  consumer = await createLogin(inject("serverUrl"), "in role centralcloud_consumer");
}, 120_000);

afterAll(async () => {
  await copy.remove();
  await dropTestDatabase(source);
  await dropTestDatabase(central);
  await dropLogin(inject("serverUrl"), consumer);
});

/** What the check says, a line each. */
async function check(...words: readonly string[]) {
  const { exitCode, output } = await copy.run(".", ["scripts/queues.mjs", ...words]);
  return { exitCode, lines: output.split("\n").filter((line) => line !== "") };
}

async function succeed(work: Promise<{ readonly exitCode: number; readonly output: string }>) {
  const { exitCode, output } = await work;
  expect(exitCode, output).toBe(0);
}

const contractFile = "packages/contracts/src/queues/agent-notes.ts";

/** Puts another text for the captured row that a note is made of. */
function setCaptured(text: string): void {
  const path = join(copy.path, contractFile);
  const before = readFileSync(path, "utf8");
  writeFileSync(path, before.replace(/captured: .*,/, `captured: ${text},`));
}

test("a copy in which nothing was added lacks nothing", async () => {
  expect(await check()).toEqual({ exitCode: 0, lines: [] });
});

test("a contract that is not listed is named", async () => {
  add(copy.path, contract.slice(0, 1));
  expect(await check()).toEqual({
    exitCode: 1,
    lines: [
      `packages/contracts/src/queues.ts: does not list ${contractFile}, or was not built since`,
    ],
  });
});

test("each place that lacks the queue is named by the check", async () => {
  add(copy.path, contract.slice(1));
  setCaptured('{ table: "agent_notes", time: "noted_at", of: "agent" }');
  await succeed(copy.compile("packages/contracts", "build"));
  const { exitCode, lines } = await check();
  expect(exitCode).toBe(1);
  for (const line of lines) expect(line).toMatch(/^[\w./-]+: .*agent-notes/);
  expect(lines.map((line) => line.replace(/(, (of|for) |; run ).*/, ""))).toEqual([
    "sql/singularity/queues/agent-notes.sql: is missing",
    "sql/central/functions/merge_notes.sql: is missing",
    "sql/central/grants/centralcloud_consumer.sql: lacks central.merge_notes",
    "sql/central/grants/centralcloud_consumer.sql: lacks central.agent_notes",
    "sql/central/grants/centralcloud_operator.sql: lacks central.agent_notes",
    "sql/central/grants/centralcloud_viewer.sql: lacks central.agent_notes",
    'packages/db/src/schema/central.ts: lacks "agent_notes"',
    'packages/db/catalog/central.json: lacks "function central.merge_notes(',
    'packages/db/catalog/central.json: lacks "table central.agent_notes"',
    'packages/db/catalog/singularity.json: lacks "queue agent-notes"',
    'packages/db/catalog/singularity.json: lacks "queue agent-notes-dlq"',
    "packages/contracts/generated/agent-notes.schema.json: is missing",
    'packages/contracts/test/messages.ts: lacks "agent-notes"',
    'packages/contracts/test/messages.jsonl: lacks "queue":"agent-notes","result":"accept"',
    'packages/contracts/test/messages.jsonl: lacks "queue":"agent-notes","result":"invalid"',
    'packages/trace/src/read-store.ts: lacks "agent-notes"',
    'packages/cdc/src/reconcile/compared-queues.ts: lacks "agent-notes"',
    "tools/chaos/queues/agent-notes.ts: is missing",
    'tools/chaos/queues.ts: lacks "agent-notes"',
    "test/support/queue-cases/agent-notes.ts: is missing",
    'test/support/queue-cases.ts: lacks "agent-notes"',
    'tools/mutants/catalogue/sql.mjs: lacks "central/functions/merge_notes"',
    'test/rights/rights.ts: lacks "function central.merge_notes"',
    'test/rights/rights.ts: lacks "table central.agent_notes"',
    'test/dlq/masked-output.test.ts: lacks "agent-notes"',
    "docs/operate/evening.md: lacks … agent-notes …",
    "sql/singularity/functions/cleanup_queue_archives.sql: lacks agent-notes",
    "sql/singularity/functions/open_action_part.sql: lacks agent-notes",
    "deploy/kubernetes/components/keda/autoscaler.yaml: lacks agent-notes",
    "deploy/kubernetes/components/keda/autoscaler.yaml: lacks agent-notes",
    "docs/operate/deploy.md: lacks agent-notes",
    "docs/architecture.md: lacks agent-notes",
  ]);
});

test.each([
  ["packages/contracts", ["test/messages.ts"]],
  ["packages/cdc", ["src/reconcile/compared-queues.ts"]],
  ["packages/trace", ["src/read-store.ts"]],
  ["tools", ["chaos/queues.ts"]],
  // It compiles the chaos suite, too.
  ["test", ["../tools/chaos/queues.ts", "dlq/masked-output.test.ts", "support/queue-cases.ts"]],
])("the compiler names what lacks the queue in %s", async (member, files) => {
  const { exitCode, output } = await copy.compile(member, "types");
  expect(exitCode).not.toBe(0);
  const errors = output.split("\n").filter((line) => /^\S.*error TS/.test(line));
  for (const error of errors) expect(error).toContain('"agent-notes"');
  expect([...new Set(errors.map((error) => error.split("(")[0]))].sort()).toEqual(files);
});

test("with what was named, check and compiler are content", async () => {
  setCaptured("null");
  add(copy.path, rest);
  await succeed(copy.compile("packages/contracts", "build"));
  expect((await check("--write")).lines.filter((line) => line.endsWith(": written"))).toEqual(
    [
      "sql/singularity/queues/agent-notes.sql",
      "sql/singularity/functions/cleanup_queue_archives.sql",
      "sql/singularity/functions/open_action_part.sql",
      "deploy/kubernetes/components/keda/autoscaler.yaml",
      "deploy/kubernetes/components/keda/autoscaler.yaml",
      "docs/operate/deploy.md",
      "docs/architecture.md",
    ].map((file) => `${file}: written`),
  );
  await succeed(copy.run("packages/contracts", ["dist/documents/generate.js"]));
  await succeed(copy.compile("packages/db", "build"));
  const name = ["--name", "keep_notes_of_agents"];
  await succeed(copy.run("packages/db", ["dist/maintenance/generate.js", ...name]));
  await succeed(copy.compile("packages/trace", "build"));
  for (const member of ["packages/contracts", "packages/cdc", "tools", "test"]) {
    await succeed(copy.compile(member, "types"));
  }
  expect(await check()).toEqual({ exitCode: 0, lines: [] });
}, 120_000);

/** Runs the copy's `centralcloud`. */
function centralcloud(words: readonly string[], urlOf = (url: string) => url) {
  return copy.run("docs", [join(copy.path, "apps/cli/bin/centralcloud.mjs"), ...words], {
    SOURCE_DATABASE_URLS: urlOf(source.url),
    CENTRAL_DATABASE_URL: urlOf(central.url),
    INIT_CWD: "/",
  });
}

test("a message goes from the queue into the central store, with a consumer's rights", async () => {
  await succeed(centralcloud(["migrate"]));
  const notes = ["2025-10-25T10:00:00Z", "2025-10-25T10:00:02Z", "2025-10-25T10:00:01Z"];
  const bodies = notes.map((noted_at, n) => ({ agent_id: 7, note_id: "n", note: { n }, noted_at }));
  for (const body of [...bodies, { agent_id: "a", note: 7 }]) {
    await source.pool.query("select pgmq.send('agent-notes', $1)", [JSON.stringify(body)]);
  }
  expect(await depth()).toBe(4);
  await succeed(centralcloud(["drain"], consumer.urlOf));
  expect(await depth()).toBe(0);

  const { rows: stored } = await central.pool.query(
    `select n.note_id, n.agent_id, n.note, o.name = $1 as "isOfSource",
            (select count(*)::integer from central.processed_messages p join central.lanes l using (lane_id)
              where l.queue = 'agent-notes') as merged
       from central.agent_notes n join central.sources o using (source_id)`,
    [source.name],
  );
  expect(stored).toEqual([
    { note_id: "n", agent_id: "7", note: { n: 1 }, isOfSource: true, merged: 3 },
  ]);
  const { rows: left } = await source.pool.query(
    `select (select count(*)::integer from pgmq."a_agent-notes") as archived,
            (select array_agg(d.message ->> 'reason') from pgmq."q_agent-notes-dlq" d) as reasons`,
  );
  expect(left).toEqual([{ archived: 3, reasons: ["invalid"] }]);
}, 120_000);

/** How many messages wait, as the autoscaler of the copy asks. */
async function depth(): Promise<unknown> {
  const folder = join(copy.path, "deploy/kubernetes/components/keda");
  const scaled = buildKustomization(folder).find(({ kind }) => kind === "ScaledObject")?.spec;
  const { triggers } = scaled as { triggers: { name: string; metadata: { query: string } }[] };
  const query = triggers.find(({ name }) => name === "depth")?.metadata.query ?? "";
  const { rows } = await source.pool.query<unknown[]>({ text: query, rowMode: "array" });
  return rows[0]?.[0];
}
