import { createMetrics } from "@centralcloud/consumer";
import { queueNames } from "@centralcloud/contracts";
import { expect, test } from "vitest";
import { parseMetrics } from "../../tools/support/metrics-text.ts";

/** What a replica with so many quiet sources says of itself, without any look at their databases. */
async function scrapeOf(count: number): Promise<string> {
  const names = Array.from({ length: count }, (_, number) => `source-${number}`);
  const replica = {
    health: () => ({
      ready: true,
      working: true,
      replica: "one",
      sources: names.map((name) => ({ name, lanes: queueNames.map((queue) => ({ queue })) })),
    }),
    sourceStates: () => names.map((place) => ({ place, state: undefined })),
    breakers: () => ({
      central: false,
      sources: names.map((name) => ({
        source: name,
        name,
        database: false,
        lanes: queueNames.map((queue) => ({ queue, source: false, central: false })),
      })),
    }),
  };
  const never = { seenAt: 0, seen: undefined, place: "nowhere", isFailing: false };
  const looks = {
    central: { ...never, what: "central" },
    sources: [],
    captures: [],
    asked: async () => {},
  };
  return await createMetrics(replica, looks as never).render();
}

test("each kind of fault begins at 0 for 32 sources, and a scrape of 200 quiet ones stays small", async () => {
  const kind = { source: "source-0", queue: "agent-sessions", side: "source", kind: "locked" };
  const few = parseMetrics(await scrapeOf(32));
  expect(few.value("centralcloud_lane_faults_total", kind)).toBe(0);

  const text = await scrapeOf(200);
  const many = parseMetrics(text);
  expect(many.value("centralcloud_lane_faults_total", kind)).toBeUndefined();
  // What alerts tell of a single event begins at 0 everywhere.
  const lane = { source: "source-199", queue: "agent-sessions" };
  expect(many.value("centralcloud_lane_crashes_total", lane)).toBe(0);
  expect(many.value("centralcloud_messages_dead_lettered_total", lane)).toBe(0);
  expect(text.length / 200).toBeLessThan(7_000);
});
