import { afterAll, beforeAll, expect, test } from "vitest";
import type { Scrape } from "../../tools/support/metrics-text.ts";
import { captureDefaults, caughtUp, dropSlots, prepareForCapture } from "../support/capture.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { type TestService, useService } from "../support/service.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const services = useService(system);
let source: string;

beforeAll(async () => {
  await prepareForCapture(system);
  const { rows } = await system.singularity.pool.query("select source_id from singularity_source");
  source = rows[0].source_id;
});

// A slot would keep its database from being dropped.
afterAll(() => dropSlots(system));

/** Waits for a capture state, as the next look at the source tells it. */
async function reaches(service: TestService, state: string): Promise<Scrape> {
  return await until(`the capture to be ${state}`, async () => {
    const scrape = await service.scrape();
    const value = scrape.value("centralcloud_capture_state", { source, state });
    return value === 1 ? scrape : undefined;
  });
}

async function capturing(service: TestService): Promise<void> {
  await until("the slot is read", async () => {
    const { capture } = (await (await service.get("/readyz")).json()) as {
      capture?: { state: string }[];
    };
    return capture?.[0]?.state === "reading";
  });
}

const insertAgent = (id: string) =>
  system.singularity.pool.query("insert into agents (agent_id) values ($1)", [id]);

test("where nothing is captured, the state is off and readiness says nothing of it", async () => {
  const service = await services.start();
  const seen = await reaches(service, "off");
  expect(seen.value("centralcloud_capture_state", { source })).toBe(1);
  expect(await (await service.get("/readyz")).json()).not.toHaveProperty("capture");
});

test("a capture tells its changes, its lag, and what the source keeps because of it", async () => {
  const service = await services.start({ capture: captureDefaults });
  await capturing(service);
  const begun = await service.scrape();
  expect(begun.value("centralcloud_capture_changes_total", { source })).toBe(0);
  for (const side of ["source", "central"]) {
    expect(begun.value("centralcloud_capture_faults_total", { source, side })).toBe(0);
  }
  await insertAgent("one");
  await insertAgent("two");
  await caughtUp(system);
  await reaches(service, "reading");
  // The look that knows how far the change log is may come after the one that knows of the slot.
  const seen = await until("the lag to be seen", async () => {
    const scrape = await service.scrape();
    const lag = scrape.value("centralcloud_capture_lag_seconds", { source });
    return lag === undefined ? undefined : scrape;
  });
  expect(seen.value("centralcloud_capture_changes_total", { source })).toBe(2);
  expect(seen.value("centralcloud_capture_transactions_total", { source })).toBe(2);
  expect(seen.value("centralcloud_capture_wal_status", { source, status: "reserved" })).toBe(1);
  expect(seen.value("centralcloud_capture_wal_status", { source, status: "lost" })).toBe(0);
  expect(seen.value("centralcloud_capture_retained_wal_bytes", { source })).toBeGreaterThan(0);
  expect(seen.value("centralcloud_capture_lag_bytes", { source })).toBeGreaterThanOrEqual(0);
  expect(seen.value("centralcloud_capture_lag_seconds", { source })).toBeLessThan(60);
  expect(seen.value("centralcloud_capture_safe_wal_bytes", { source })).toBeGreaterThan(0);
});

test("a slot that nobody reads is seen also by consumers that capture nothing", async () => {
  const seen = await reaches(await services.start(), "unread");
  expect(seen.value("centralcloud_capture_retained_wal_bytes", { source })).toBeGreaterThan(0);
  expect(seen.value("centralcloud_capture_lag_bytes", { source })).toBeGreaterThanOrEqual(0);
});

test("a fault of the capture is counted, and shown where readiness is, which it does not end", async () => {
  await system.central.pool.query("alter function central.record_changes rename to elsewhere");
  try {
    const service = await services.start({ capture: captureDefaults });
    await service.ready();
    await insertAgent("while the change log can't be written");
    await until("the fault is counted", async () => {
      const scrape = await service.scrape();
      const labels = { source, side: "central" };
      return (scrape.value("centralcloud_capture_faults_total", labels) ?? 0) > 0;
    });
    const report = await until("the fault is shown", async () => {
      const answer = await service.get("/readyz");
      const body = (await answer.json()) as { capture: { state: string }[] };
      return body.capture[0]?.state === "fault" ? { status: answer.status, ...body } : undefined;
    });
    expect(report).toMatchObject({
      status: 200,
      ready: true,
      capture: [{ source: system.singularity.name, error: expect.stringContaining("function") }],
    });
  } finally {
    await system.central.pool.query("alter function central.elsewhere rename to record_changes");
  }
});

test("a lost slot is loud in metrics and in /readyz, and queues are consumed nevertheless", async () => {
  await dropSlots(system);
  const service = await services.start({ capture: captureDefaults });
  await service.ready();
  await reaches(service, "lost");
  await until("readiness shows it", async () => {
    const answer = await service.get("/readyz");
    const { capture } = (await answer.json()) as { capture: { state: string; error?: string }[] };
    return answer.status === 200 && capture[0]?.state === "lost" && capture[0].error;
  });
});
