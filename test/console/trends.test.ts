import {
  readAgentPerformance,
  readKnowledgeOverTime,
  readQueueDepths,
  readQueueRates,
} from "@centralcloud/inspect";
import { beforeAll, expect, test } from "vitest";
import { useConsole } from "../support/console.ts";
import { useSystem } from "../support/databases.ts";
import { emptyQueues, patterns, putDeadLetter } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";
import { patternMessage } from "../support/messages.ts";

/* Charts: what they draw, what their tables say, and what the databases have. */

const system = useSystem();
failOnLeaks(system);
const consoles = useConsole(system);
const members = useMembers(system, {
  viewer: "centralcloud_viewer",
  auditor: "centralcloud_auditor",
});
const away = "postgres://nobody@127.0.0.1:1/away";
const asking = { timeout: 20 };

async function get(address: string, environment: Readonly<Record<string, string>> = {}) {
  const browser = await (await consoles.start(environment)).signIn();
  return await browser.get(address);
}

/** The part of a page that is one chart. */
function chartOf(page: string, title: string): string {
  const chart = page.split("<figure").find((part) => part.includes(`<figcaption>${title}`));
  if (chart === undefined) throw new Error(`the page has no chart ${title}`);
  return chart.slice(0, chart.indexOf("</figure>"));
}

/** The numbers of the table beneath a chart: a list for each of its rows. */
function figuresOf(chart: string): readonly (readonly string[])[] {
  return Array.from(
    chart.matchAll(/<tr><th scope="row">[^<]*<\/th>(.*?)<\/tr>/g),
    ([, cells = ""]) => Array.from(cells.matchAll(/<td>(.*?)<\/td>/g), ([, value = ""]) => value),
  );
}

const sum = (rows: readonly (readonly string[])[]) =>
  rows.flat().reduce((all, value) => all + Number(value.replaceAll(/[,–]/g, "") || 0), 0);

test("charts of nothing say so, and what that means", async () => {
  const { status, text } = await get("/trends");
  expect(status).toBe(200);
  for (const words of [
    "Nothing was delivered in this time",
    "Nothing waited at any of these moments",
    "No dead letter that still waits came in this time",
    "No task of all agents was finished in this time",
    "The sources agree on no pattern yet",
  ]) {
    expect(text).toContain(words);
  }
  expect(text).not.toContain("NaN");
});

/** So many messages that were queued and archived so many minutes ago. */
async function archive(count: number, queuedMinutes: number, archivedMinutes: number) {
  await system.singularity.pool.query(
    `insert into pgmq."a_${patterns}" (msg_id, read_ct, enqueued_at, archived_at, vt, message)
     select nextval('pgmq."q_${patterns}_msg_id_seq"'), 1, clock_timestamp() - make_interval(mins => $2),
            clock_timestamp() - make_interval(mins => $3), clock_timestamp(), '{}'
       from generate_series(1, $1)`,
    [count, queuedMinutes, archivedMinutes],
  );
}

async function queue(count: number, minutes: number) {
  await system.singularity.pool.query(
    `insert into pgmq."q_${patterns}" (enqueued_at, vt, message)
     select clock_timestamp() - make_interval(mins => $2), clock_timestamp(), $3::jsonb from generate_series(1, $1)`,
    [count, minutes, patternMessage()],
  );
}

beforeAll(async () => {
  // The template's copy ends before what the tests archive in the past.
  await system.singularity.pool.query(
    `update public.singularity_source set copied_until = null where copied_until is not null`,
  );
});

test("with messages, the tables beneath the charts have what the archives have", async () => {
  await archive(7, 130, 70);
  await queue(3, 100);
  for (let count = 0; count < 4; count++) await putDeadLetter(system.singularity);
  await system.singularity.pool.query(
    `insert into public.agent_tasks (agent_id, status, duration_ms, created_at)
     select 'agent-1', 'completed', 100 + n, clock_timestamp() - interval '20 minutes' from generate_series(1, 5) n`,
  );
  await system.singularity.pool.query("select public.refresh_metrics()");
  await system.central.pool.query(
    `insert into central.patterns (fingerprint, pattern, observation_count, confidence_max, confidence_sum, first_learned_at,
                                   last_learned_at, source_count, source_ids)
     select sha256(n::text::bytea), '{}', 1, 0.99, 0.99, now() - interval '2 days', now(), 3,
            array[gen_random_uuid(), gen_random_uuid(), gen_random_uuid()]
       from generate_series(1, 2) n`,
  );
  const { status, text } = await get("/trends?for=6h&every=900s");
  expect(status).toBe(200);
  expect(text).not.toContain("NaN");
  const throughput = chartOf(text, "Throughput");
  expect(throughput).toMatch(/<svg viewBox="0 0 640 200" role="img" aria-label="Throughput/);
  expect(throughput).toMatch(/<path class="bar series-\d" d="M/);
  expect(sum(figuresOf(throughput))).toBe(7);
  const depth = figuresOf(chartOf(text, "Depth"));
  expect(depth[0]).toContain("3");
  expect(Math.max(...depth.flat().map(Number))).toBe(10);
  expect(sum(figuresOf(chartOf(text, "Dead letters that wait")))).toBe(4);
  expect(sum(figuresOf(chartOf(text, "Tasks that all agents finished")))).toBe(5);
  const consensus = figuresOf(chartOf(text, "Consensus over time"));
  expect(consensus[0]).toEqual(["2"]);
  expect(consensus.at(-1)).toEqual(["0"]);
  expect(consensus).toHaveLength(30);
  expect(text.replaceAll("'", "")).toContain("centralcloud queues rates --for 21600s --every 900s");
  expect(text).not.toMatch(/ style=|<script>/);
});

test("a page of charts with figures stays within what a slow connection takes", async () => {
  const { text } = await get("/trends");
  expect(Buffer.byteLength(text)).toBeLessThan(40_000);
});

test("a span that gives more steps than a chart can show is refused, with what would do", async () => {
  const { status, text } = await get("/trends?for=30d&every=60s");
  expect(status).toBe(400);
  expect(text).toContain("give 86400s or more");
  expect((await get("/trends?for=nonsense")).status).toBe(400);
});

test("a source that is away is named beside the charts of the others, and the central store, too", async () => {
  const { status, text } = await get("/trends?for=6h", {
    SOURCE_DATABASE_URLS: `${system.singularity.url} ${away}`,
  });
  expect(status).toBe(200);
  expect(text).toContain("127.0.0.1:1/away");
  expect(sum(figuresOf(chartOf(text, "Throughput")))).toBe(7);
  const without = await get("/trends", { CENTRAL_DATABASE_URL: away });
  expect(without.status).toBe(200);
  expect(without.text).toContain("what the fleet has learned is not known here");
});

test("depth and age are reckoned at each moment from queue and archive, with a viewer's rights", async () => {
  const { url } = members.viewer.singularity;
  const request = { forS: 4 * 3_600, everyS: 600 };
  const { answers, failed } = await readQueueDepths([url], asking, request);
  expect(failed).toEqual([]);
  const depths = answers.flat().filter((one) => one.queue === patterns);
  const at = (minutes: number) => {
    const moment = Date.now() - minutes * 60_000;
    return depths.find((one) => Math.abs(Date.parse(one.at) - moment) <= 300_000)?.waiting ?? 0;
  };
  expect([at(145), at(115), at(85), at(30)]).toEqual([0, 7, 10, 3]);
  const newest = depths.at(-1);
  expect(newest?.oldestAgeS).toBeGreaterThan(85 * 60);
  expect(newest?.oldestAgeS).toBeLessThan(110 * 60);
  const rates = await readQueueRates([url], asking, { ...request, queues: [patterns] });
  expect(rates.failed).toEqual([]);
});

test("a viewer may read what the charts are drawn from, and nobody else may", async () => {
  const { singularity, central } = members.viewer;
  const request = { forS: 3_600, everyS: 300 };
  const { singularity: auditors } = members.auditor;
  const refused = await readAgentPerformance([auditors.url], asking, request);
  expect(refused.failed).toMatchObject([
    { reason: expect.stringContaining("agent_performance_5min") },
  ]);
  const performance = await readAgentPerformance([singularity.url], asking, request);
  expect(performance.answers.flat()).toMatchObject([{ taskCount: 5, avgMs: 103 }]);
  const known = await readKnowledgeOverTime(central.url, asking, 7);
  expect(known.answers[0]?.days).toHaveLength(7);
  expect(known.answers[0]?.days.at(-1)).toMatchObject({ learned: 0, consensus: 2 });
  await emptyQueues(system);
});
