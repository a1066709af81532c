import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Scrape } from "../../tools/support/metrics-text.ts";
import { queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { operatePage } from "../support/operations-page.ts";
import { useService } from "../support/service.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const services = useService(system);
const queue = "centralcloud-new-patterns";

/** Messages of as many agents, most of them valid; each with words that nothing else has. */
function messagesOf(count: number, word: string): string[] {
  return Array.from({ length: count }, (_, i) =>
    i % 5 === 0
      ? JSON.stringify({ agent_id: `${word}-${i}`, pattern: word, learned_at: `${word}${i}` })
      : patternMessage({ agent_id: `${word}-${i}`, pattern: { [word]: i } }),
  );
}

function seriesOf({ samples }: Scrape): string[] {
  return samples
    .filter(({ name }) => /^(centralcloud|messaging)_/.test(name))
    .map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`)
    .sort();
}

test("more messages make no more series, and no label has a word of theirs", async () => {
  const service = await services.start();
  await service.ready();
  const consume = async (count: number, settled: number) => {
    await queuesOf(system).sendBatch(queue, messagesOf(count, "zebra"));
    return await until(`${settled} messages are settled`, async () => {
      const scrape = await service.scrape();
      const merged = scrape.value("centralcloud_messages_merged_total", { queue }) ?? 0;
      const dead = scrape.value("centralcloud_messages_dead_lettered_total", { queue }) ?? 0;
      const open = scrape.value("messaging_process_duration_seconds_count") ?? 0;
      return merged + dead === settled && open > 0 ? scrape : undefined;
    });
  };
  const few = seriesOf(await consume(10, 10));
  const many = seriesOf(await consume(2_000, 2_010));
  expect(many).toEqual(few);
  expect(many.join("\n")).not.toContain("zebra");
  // Three queues and their dead-letter queues of one source, histograms of up to twenty buckets.
  expect(many.length).toBeLessThan(600);
});

test("every metric is described, documented, named as Prometheus wants it, and moved by a test", async () => {
  const { families } = await (await services.start()).scrape();
  const tests = readdirSync(new URL(".", import.meta.url))
    .filter((file) => file.endsWith("-metrics.test.ts"))
    .map((file) => readFileSync(new URL(file, import.meta.url), "utf8"))
    .join("\n");
  const page = operatePage("metrics");
  const ours = [...families].filter(([name]) => /^(centralcloud|messaging)_/.test(name));
  expect(ours.length).toBeGreaterThan(40);
  for (const [name, { help, type }] of ours) {
    expect(help, name).toMatch(/^.{15,}$/);
    expect(tests, `no test names ${name}`).toContain(name);
    expect(page, `${name} in docs/operate/metrics.md`).toMatch(
      new RegExp(`^\\| \`${name}\` +\\| ${type} `, "m"),
    );
    if (type === "counter") expect(name).toMatch(/_total$/);
    else expect(name).not.toMatch(/_total$/);
    expect(name).not.toMatch(/_(ms|milliseconds|kb|kilobytes)(_|$)/);
  }
});
