import { QueueClient } from "@centralcloud/queue";
import { afterEach, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { archivedIn, deadLettersOf, drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";
import { useService } from "../support/service.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const services = useService(system);
const queue = "centralcloud-new-patterns";

afterEach(() =>
  system.singularity.pool.query(
    `truncate pgmq."q_${queue}", pgmq."q_${queue}-dlq", pgmq."a_${queue}"`,
  ),
);

const now = "clock_timestamp()";

/** Rows that nothing but a hand at the table makes, with what becomes of each. */
const rows: readonly {
  readonly what: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly outcome: "archived" | "dead-lettered";
}[] = [
  { what: "the greatest read count", columns: { read_ct: "2147483647" }, outcome: "dead-lettered" },
  { what: "a negative read count", columns: { read_ct: "-2147483648" }, outcome: "archived" },
  { what: "sent before Christ", columns: { enqueued_at: "'0044-03-15 BC'" }, outcome: "archived" },
  { what: "sent at infinity", columns: { enqueued_at: "'infinity'" }, outcome: "archived" },
  { what: "sent at minus infinity", columns: { enqueued_at: "'-infinity'" }, outcome: "archived" },
  {
    what: "sent in a far year",
    columns: { enqueued_at: "'294276-12-31 23:59:59Z'" },
    outcome: "archived",
  },
  {
    what: "the last id of bigint",
    columns: { msg_id: "9223372036854775807" },
    outcome: "archived",
  },
  {
    what: "the first id of bigint",
    columns: { msg_id: "-9223372036854775808" },
    outcome: "archived",
  },
  { what: "visible since ever", columns: { vt: "'-infinity'" }, outcome: "archived" },
  { what: "no message at all", columns: { message: "null" }, outcome: "dead-lettered" },
  { what: "headers that are a number", columns: { headers: "'7'" }, outcome: "archived" },
  { what: "headers that are a list", columns: { headers: "'[1]'" }, outcome: "archived" },
  {
    what: "headers with a trace that is none",
    columns: { headers: `'{"traceparent": {"a|b": "| |"}}'` },
    outcome: "archived",
  },
];

async function put(columns: Readonly<Record<string, string>>): Promise<void> {
  const all = { vt: now, message: `'${patternMessage()}'`, ...columns };
  await system.singularity.pool.query(
    `insert into pgmq."q_${queue}" (${Object.keys(all).join(", ")})
     overriding system value values (${Object.values(all).join(", ")})`,
  );
}

test.each(rows)(
  "a row with $what is $outcome, and the other messages of its batch are merged",
  async (row) => {
    await queuesOf(system).sendBatch(queue, [patternMessage()]);
    await put(row.columns);
    await queuesOf(system).sendBatch(queue, [patternMessage()]);
    const { report, observations } = await drainAll(system);
    const dead = row.outcome === "dead-lettered" ? 1 : 0;
    expect(report).toMatchObject({ processed: 3 - dead, deadLettered: dead });
    expect(await archivedIn(system, queue)).toBe(3 - dead);
    expect(await deadLettersOf(system, queue)).toHaveLength(dead);
    expect(observations.filter(({ event }) => /fault|crashed/.test(event))).toEqual([]);
    const numbers = observations.flatMap((one) =>
      one.event === "batch-merged" ? one.latenciesMs : [],
    );
    expect(numbers.filter((number) => !Number.isFinite(number))).toEqual([]);
  },
);

test("all of them at once hold up nobody, and a thousand over the delivery limit go in a few reads", async () => {
  for (const { columns } of rows) await put(columns);
  await system.singularity.pool.query(
    `insert into pgmq."q_${queue}" (vt, message, read_ct)
     select ${now}, '{}', 2147483000 from generate_series(1, 1000)`,
  );
  await queuesOf(system).sendBatch(queue, Array(10).fill(patternMessage()));
  const { report, observations } = await drainAll(system);
  expect(report.deadLettered).toBe(
    1000 + rows.filter(({ outcome }) => outcome !== "archived").length,
  );
  const reads = observations.filter(({ event }) => event === "batch-read");
  expect(reads.length).toBeLessThan(30);
});

test("a queue that holds them can be counted, and its times are numbers or unknown", async () => {
  const queues = new QueueClient(system.singularity.pool);
  for (const { columns } of rows) await put(columns);
  await put({ vt: "'infinity'" });
  const metrics = await queues.metrics(queue);
  expect(metrics).toMatchObject({ total: rows.length + 1, inFlight: 1 });
  expect(Number.isFinite(metrics.oldestAgeSeconds)).toBe(true);
  const depth = await queues.depth(queue, 10_000);
  expect(depth.messages).toBe(rows.length + 1);
  expect(await queues.nextVisibleInMs(queue)).toBe(0);
  expect(await queues.lowestLiveId(queue)).toBe("-9223372036854775808");
});

test("a message that never becomes visible is not waited for", async () => {
  await put({ vt: "'infinity'" });
  expect(await queuesOf(system).nextVisibleInMs(queue)).toBeNull();
});

test("commands count and list them, in a dead-letter queue, too, and no metric is NaN", async () => {
  await put({ ...rows[0]?.columns, vt: "'infinity'" });
  await put({ enqueued_at: "'infinity'", vt: "'infinity'" });
  for (const time of ["'infinity'", "'-infinity'", "'0044-03-15 BC'", "'294276-12-31 23:59:59Z'"]) {
    await system.singularity.pool.query(
      `insert into pgmq."q_${queue}-dlq" (vt, enqueued_at, message) values (${now}, ${time}, '{}')`,
    );
  }
  await system.singularity.pool.query(
    `insert into pgmq."q_${queue}-dlq" (vt, message) values (${now}, null)`,
  );
  for (const words of [
    ["queues"],
    ["dlq", "list"],
    ["dlq", "list", "--groups"],
    ["dlq", "export"],
  ]) {
    for (const form of words.includes("export") ? [[]] : [[], ["--json"]]) {
      const what = [...words, ...form].join(" ");
      const ran = await runCommand([...words, ...form], environmentOf(system));
      expect(ran, what).toMatchObject({ exitCode: 0, stderr: "" });
      expect(ran.stdout, what).not.toMatch(/NaN|undefined/);
    }
  }
  const service = await services.start();
  await service.ready();
  await until("the queue was looked at", async () => {
    const { samples } = await service.scrape();
    expect(samples.filter(({ value }) => Number.isNaN(value))).toEqual([]);
    return samples.some(({ labels, value }) => labels.queue === `${queue}-dlq` && value >= 5);
  });
});
