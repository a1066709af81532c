import {
  listDeliveryFailures,
  listReplicas,
  listSessions,
  recordFailures,
  type SessionKey,
} from "@centralcloud/central";
import { createConsumer } from "@centralcloud/consumer";
import { contractFor, maskJson } from "@centralcloud/contracts";
import {
  maxBodyBytes,
  placeOf,
  readDeadLetterBody,
  streamDeadLetterBody,
} from "@centralcloud/dead-letters";
import {
  askSources,
  type PeekedMessage,
  peekQueue,
  readChanges,
  readDeadLetters,
  readJobRuns,
  readQueueRates,
} from "@centralcloud/inspect";
import { listJobRuns, runJob } from "@centralcloud/scheduler";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { configurationFor, drainAll, queuesOf } from "../support/consumer.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  type TestDatabase,
  useSystem,
} from "../support/databases.ts";
import { emptyQueues, patterns, putDeadLetter, sourceOf } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
let second: TestDatabase;
let urls: readonly string[] = [];

beforeAll(async () => {
  second = await createTestDatabase("source");
  urls = [system.singularity.url, second.url];
});
afterAll(() => dropTestDatabase(second));

const json = async (...words: readonly string[]) => {
  const environment = { ...environmentOf(system), SOURCE_DATABASE_URLS: urls.join(" ") };
  const { exitCode, stdout, stderr } = await runCommand([...words, "--json"], environment);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(stdout);
};

test("replicas are listed with their lanes, their faults and their keys, as they say themselves", async () => {
  const configuration = configurationFor(system, {
    sourceUrls: [system.singularity.url, "postgres://user@127.0.0.1:1/away"],
  });
  const consumer = createConsumer(configuration, () => {});
  await consumer.start();
  try {
    const [replica] = await until("it has told its lanes", async () => {
      const replicas = await listReplicas(system.central.pool);
      const told = replicas.filter(({ readiness }) =>
        readiness?.sources.some(({ lanes }) => lanes.length === 3),
      );
      return told.length > 0 ? told : undefined;
    });
    expect(replica).toMatchObject({
      state: "live",
      heldKeys: {},
      readiness: { ready: expect.any(Boolean), working: false },
    });
    const [told] = await json("consumers");
    expect(told).toMatchObject({
      id: consumer.health().replica,
      keys: {},
      lanes: expect.arrayContaining([
        { source: expect.stringContaining(system.singularity.name), queue: patterns },
      ]),
    });
    expect(told.lanes).toHaveLength(3);
    expect(told.faults.join()).toMatch(/127\.0\.0\.1:1\/away waits: /);
  } finally {
    await consumer.stop();
  }
  expect(await json("consumers")).toEqual([]);
});

test("a replica that has not been heard of for a minute is told as lost", async () => {
  await system.central.pool.query(
    `insert into central.consumers (id, version, host, last_seen_at)
     values (gen_random_uuid(), '0.0.1', 'old', now() - interval '2 minutes')`,
  );
  expect(await json("consumers")).toMatchObject([
    { host: "old", state: "lost", lanes: null, faults: null, keys: null },
  ]);
  await system.central.pool.query("delete from central.consumers");
});

test("runs of jobs come page by page over all sources, newest first, each once", async () => {
  for (const database of [system.singularity, second]) {
    for (let count = 0; count < 4; count++) {
      await runJob(database.pool, "assign-tasks-every-2min", "operator");
    }
  }
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const page = await json(
      ...["jobs", "runs", "--limit", "3", ...(after === undefined ? [] : ["--after", after])],
    );
    expect(page.runs.length).toBeLessThanOrEqual(3);
    seen.push(
      ...page.runs.map(({ source, id }: { source: string; id: string }) => `${source} ${id}`),
    );
    after = page.next ?? undefined;
  } while (after !== undefined);
  expect(seen).toHaveLength(8);
  expect(new Set(seen).size).toBe(8);
  const one = await json("jobs", "runs", "--job", "assign-tasks-every-2min", "--status", "failed");
  expect(one).toMatchObject({ runs: [], next: null, unreachable: [], failed: [] });
  const [run] = await listJobRuns(system.singularity.pool, { limit: 1 });
  expect(run).toMatchObject({
    job: "assign-tasks-every-2min",
    status: "succeeded",
    startedBy: "operator",
  });
});

test("runs that began at one moment, with one id at two sources, are each on one page", async () => {
  for (const { pool } of [system.singularity, second]) {
    await pool.query(
      `insert into job_runs (run_id, job_name, status, started_by, started_at, finished_at) overriding system value
       values (1000001, 'twin', 'succeeded', 'test', '2026-01-01', '2026-01-01')`,
    );
  }
  const first = await readJobRuns(urls, {}, { limit: 1, job: "twin" });
  const page = first.answers[0];
  const next = await readJobRuns(urls, {}, { limit: 1, job: "twin", after: page?.next ?? "" });
  const sources = [page, next.answers[0]].flatMap((one) => one?.rows.map(({ source }) => source));
  expect(sources.sort()).toEqual([second.name, system.singularity.name].sort());
  expect(next.answers[0]?.next).toBeNull();
});

test("failed attempts of messages that are not decided are listed, newest first", async () => {
  const { sourceId } = await sourceOf(system.singularity);
  const { pool } = system.central;
  await pool.query("select central.register_source($1, $2)", [sourceId, system.singularity.name]);
  const message = { msgId: "7", enqueuedAt: "2026-01-01T00:00:00.000000Z" };
  const consumer = "00000000-0000-4000-8000-000000000001";
  for (const error of ["first", "second", "third"]) {
    const failure = { message, code: "XX000", error };
    await recordFailures(pool, { sourceId, queue: patterns }, consumer, [failure]);
  }
  const page = await json("queues", "failures", "--limit", "2");
  expect(page.failures).toMatchObject([
    {
      source: system.singularity.name,
      queue: patterns,
      msgId: "7",
      attempt: 3,
      error: "…",
      consumer,
    },
    { attempt: 2, error: "…" },
  ]);
  const rest = await json("queues", "failures", "--before", page.next);
  expect(rest).toMatchObject({ failures: [{ attempt: 1, error: "first" }], next: null });
  const others = await listDeliveryFailures(pool, { source: "another", limit: 10 });
  expect(others).toEqual([]);
});

test("peeking leaves every message as it is, and gives bodies only where they are asked for and short", async () => {
  const { pool } = system.singularity;
  await queuesOf(system).send(
    patterns,
    patternMessage({ pattern: { big: "12345678901234567890" } }),
  );
  await queuesOf(system).send(patterns, patternMessage({ pattern: { text: "x".repeat(70_000) } }));
  const state = async () =>
    (
      await pool.query(
        `select msg_id, vt, read_ct, xmin::text from pgmq."q_${patterns}" order by 1`,
      )
    ).rows;
  const before = await state();
  const messages: PeekedMessage[] = await json("queues", "peek", patterns);
  expect(messages.map(({ body }) => body)).toEqual([null, null]);
  const withBodies = await json("queues", "peek", patterns, "--bodies");
  expect(withBodies[0].body).toMatchObject({ pattern: "(masked object)" });
  expect(withBodies[1]).toMatchObject({ body: null, bytes: expect.any(Number) });
  expect(withBodies[1].bytes).toBeGreaterThan(70_000);
  const [next] = (
    await peekQueue(urls, {}, { queue: patterns, limit: 1, after: messages[0]?.msgId ?? "" })
  ).answers;
  expect(next).toMatchObject([{ msgId: messages[1]?.msgId }]);
  expect(await state()).toEqual(before);
  await emptyQueues(system);
});

test("rates tell how much was merged in each stretch, how long it took, and what was dead-lettered", async () => {
  for (let count = 0; count < 5; count++) await queuesOf(system).send(patterns, patternMessage());
  await drainAll(system);
  await system.singularity.pool.query(
    `update pgmq."a_${patterns}" set enqueued_at = archived_at - interval '10 s'`,
  );
  await putDeadLetter(system.singularity);
  const { answers } = await readQueueRates(
    urls,
    {},
    { forS: 3_600, everyS: 3_600, queues: [patterns] },
  );
  const rates = answers.flat();
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
  expect(sum(rates.map(({ merged }) => merged))).toBe(5);
  expect(sum(rates.map(({ deadLettered }) => deadLettered))).toBe(1);
  const busy = rates.find(({ merged }) => merged > 0);
  expect(busy).toMatchObject({
    source: system.singularity.name,
    queue: patterns,
    latencyP50: 10,
    latencyMax: 10,
  });
  expect(busy?.perSecond).toBeCloseTo((busy?.merged ?? 0) / 3_600);
  const told = await json("queues", "rates", "--for", "1h", "--every", "1h");
  expect(sum(told.map(({ merged }: { merged: number }) => merged))).toBe(5);
  await emptyQueues(system);
});

test("sessions are listed without state and seal, page by page", async () => {
  const { sourceId } = await sourceOf(system.singularity);
  await system.central.pool.query(
    `insert into central.agent_sessions (source_id, session_id, agent_id, confidence, session_state, synced_at, message_hash)
     select $1, 'session-' || n, 'agent-' || n % 2, 0.5, '{"secret": "state"}', now(), '\\x00'
       from generate_series(1, 5) n`,
    [sourceId],
  );
  const seen: string[] = [];
  let after: SessionKey | undefined;
  for (;;) {
    const rows = await listSessions(system.central.pool, { limit: 2, ...(after ? { after } : {}) });
    seen.push(...rows.map(({ sessionId }) => sessionId));
    after = rows.at(-1);
    if (after === undefined) break;
  }
  expect(seen).toEqual(["session-1", "session-2", "session-3", "session-4", "session-5"]);
  const page = await json("sessions", "list", "--agent", "agent-1", "--limit", "2");
  expect(page.sessions).toMatchObject([
    { source: system.singularity.name, sessionId: "session-1", agentId: "agent-1" },
    { sessionId: "session-3" },
  ]);
  const rest = await json("sessions", "list", "--agent", "agent-1", "--after", page.next);
  expect(rest).toMatchObject({ sessions: [{ sessionId: "session-5" }], next: null });
  expect(JSON.stringify([page, rest])).not.toMatch(/secret|state|sealed/);
});

test("the change log is read backwards by cursor, each entry once, though many are of one moment", async () => {
  const { sourceId } = await sourceOf(system.singularity);
  const rows = Array.from({ length: 7 }, (_, ordinal) => ({
    ...{ lsn: 100, ordinal, table_name: "agents", operation: "insert" },
    committed_at: "2026-01-02T00:00:00Z",
    key: { agent_id: `agent-${ordinal}` },
  }));
  await system.central.pool.query("select central.record_changes($1, $2)", [
    sourceId,
    JSON.stringify(rows),
  ]);
  const seen: number[] = [];
  let before: string | undefined;
  for (;;) {
    const { answers } = await readChanges(
      system.central.url,
      {},
      { limit: 3, ...(before ? { before } : {}) },
    );
    const [entries = []] = answers;
    if (entries.length === 0) break;
    seen.unshift(...entries.map(({ ordinal }) => ordinal));
    before = entries[0]?.cursor ?? "";
  }
  expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6]);
  const shown = await json("cdc", "log", "--limit", "2");
  const earlier = await json("cdc", "log", "--limit", "2", "--before", shown[0].cursor);
  expect([...earlier, ...shown].map(({ ordinal }: { ordinal: number }) => ordinal)).toEqual([
    3, 4, 5, 6,
  ]);
});

test("a list of dead letters leaves messages out; the body of one comes whole, part by part, digit by digit", async () => {
  const digits = `1.${"0123456789".repeat(10)}`;
  const original = `{"agent_id": "é", "number": ${digits}, "text": "${"€".repeat(maxBodyBytes)}"}`;
  const id = await putDeadLetter(system.singularity, { original });
  const message = patternMessage();
  const short = await putDeadLetter(system.singularity, { original: message });
  const { answers } = await readDeadLetters(urls, {}, {}, { limit: 10 });
  expect(answers[0]?.deadLetters.map(({ originalMessage }) => originalMessage)).toEqual([
    null,
    null,
  ]);
  const listed = await json("dlq", "list", "--messages");
  expect(listed.deadLetters[0]).toMatchObject({
    id: short,
    originalMessage: JSON.parse(maskJson(message, contractFor(patterns).shown)),
  });
  const place = placeOf(await sourceOf(system.singularity), patterns);
  const part = await readDeadLetterBody(place, { id });
  expect(Buffer.byteLength(part?.text ?? "")).toBeLessThanOrEqual(maxBodyBytes);
  expect(part?.next).not.toBeNull();
  const parts: string[] = [];
  for await (const text of streamDeadLetterBody(place, { id })) parts.push(text);
  const { rows } = await system.singularity.pool.query<{ text: string }>(
    `select message::text as text from pgmq."q_${patterns}-dlq" where msg_id = $1`,
    [id],
  );
  expect(parts.length).toBeGreaterThan(2);
  expect(parts.join("")).toBe(rows[0]?.text);
  const body = ["dlq", "body", "--reveal", "--reason", "a test"];
  const shown = await runCommand([...body, id], environmentOf(system));
  expect(shown).toMatchObject({ exitCode: 0, stderr: "" });
  expect(shown.stdout).toBe(`${rows[0]?.text}\n`);
  expect((await runCommand([...body, "987654321"], environmentOf(system))).exitCode).toBe(1);
  const [count] = await json(
    "dlq",
    "count",
    "--queue",
    patterns,
    "--source",
    system.singularity.name,
  );
  expect(count).toMatchObject({ source: system.singularity.name, queue: patterns, count: 2 });
  await emptyQueues(system);
});

test("whoever ends the asking gets what is there, and the names of those that had not answered", async () => {
  const ending = new AbortController();
  let resolve = () => {};
  const answered = new Promise<void>((done) => {
    resolve = done;
  });
  const asked = await askSources(
    urls,
    { signal: ending.signal, timeout: 30 },
    async ({ name, pool }) => {
      if (name !== second.name) resolve();
      else {
        await answered;
        setImmediate(() => ending.abort());
        await pool.query("select pg_sleep(60)");
      }
      return name;
    },
  );
  expect(asked.answers).toEqual([system.singularity.name]);
  expect(asked.unreachable).toEqual([
    { source: second.name, reason: expect.stringContaining("before the asking was ended") },
  ]);
  const left = await until("the server has stopped, too", async () => {
    const { rows } = await second.pool.query(
      `select from pg_stat_activity where datname = $1 and query like '%pg_sleep%' and pid <> pg_backend_pid()`,
      [second.name],
    );
    return rows.length === 0 && "stopped";
  });
  expect(left).toBe("stopped");
});
