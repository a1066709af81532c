import { createMetrics } from "@centralcloud/consumer";
import { eventLevels, type Observation } from "@centralcloud/service";
import { describe, expect, test } from "vitest";
import { parseMetrics, type Scrape } from "../support/metrics-text.ts";

/*
 * Each counter and histogram, and the event that moves it: by how much, and that nothing else moves it. The list of
 * metrics is the registry's own, so one without a row fails; and every event that there is was tried on all of them.
 * Gauges show a state and not events: the files beside this one bring each state about.
 */

const lane = { source: "one", sourceId: "id-1", queue: "agent-sessions" } as const;
const labels = { source: "id-1", queue: "agent-sessions" };
const destination = { messaging_destination_name: "agent-sessions" };
const fault = { kind: "unavailable", code: "08006", error: "gone", retryInMs: 1_000 } as const;

interface Move {
  readonly event: Observation;
  /** Which series of the metric, and by how much; `_count` and `_sum` are those of a histogram. */
  readonly series: readonly (readonly [
    suffix: string,
    labels: Readonly<Record<string, string>>,
    by: number,
  ])[];
}

const counts = (
  event: Observation,
  by: number,
  more: Readonly<Record<string, string>> = {},
  base: Readonly<Record<string, string>> = labels,
): Move => ({ event, series: [["", { ...base, ...more }, by]] });

const measures = (
  event: Observation,
  seconds: number,
  more: Readonly<Record<string, string>> = {},
  times = 1,
): Move => ({
  event,
  series: [
    ["_count", more, times],
    ["_sum", more, seconds],
  ],
});

const read: Observation = { event: "batch-read", ...lane, batch: 1, count: 7, bytes: 900, ms: 20 };
const checked: Observation = {
  ...{ event: "batch-checked", ...lane, batch: 1, count: 7, refused: 2, ms: 30 },
};
const merged: Observation = {
  ...{ event: "batch-merged", ...lane, batch: 1, merged: 4, duplicates: 1, ms: 40 },
  latenciesMs: [250, 750],
};
const archived: Observation = { event: "batch-archived", ...lane, batch: 1, count: 5, ms: 50 };
const finished: Observation = {
  ...{ event: "batch-finished", ...lane, batch: 1, count: 7, outcome: "crash", ms: 60 },
};
const recorded: Observation = {
  ...{ event: "changes-recorded", source: "one", sourceId: "id-1" },
  ...{ transactions: 2, changes: 5, lsn: "0/1", ms: 1 },
};
const ofSource = { source: "id-1" };

const moves: Readonly<Record<string, readonly Move[]>> = {
  messaging_client_consumed_messages_total: [
    counts(read, 7, { ...destination, messaging_operation_name: "read" }, ofSource),
  ],
  messaging_client_operation_duration_seconds: [
    measures(read, 0.02, { ...destination, messaging_operation_name: "read" }),
    measures(archived, 0.05, { ...destination, messaging_operation_name: "archive" }),
  ],
  messaging_process_duration_seconds: [
    measures(finished, 0.06, { ...destination, error_type: "crash" }),
  ],
  centralcloud_read_bytes_total: [counts(read, 900)],
  centralcloud_batch_messages: [measures(read, 7, { queue: lane.queue })],
  centralcloud_batch_stage_duration_seconds: [
    measures(checked, 0.03, { queue: lane.queue, stage: "check" }),
    measures(merged, 0.04, { queue: lane.queue, stage: "merge" }),
  ],
  centralcloud_message_latency_seconds: [measures(merged, 1, { queue: lane.queue }, 2)],
  centralcloud_messages_merged_total: [counts(merged, 4)],
  centralcloud_messages_duplicate_total: [counts(merged, 1)],
  centralcloud_messages_archived_total: [counts(archived, 5)],
  centralcloud_batches_total: [counts(finished, 1, { outcome: "crash" })],
  centralcloud_messages_dead_lettered_total: ["invalid", "of another build"].map((reason) =>
    counts(
      {
        ...{ event: "message-dead-lettered", ...lane, msgId: "1", deadLetterId: "2" },
        ...{ reason, code: "x", error: "x" },
      },
      1,
      { reason: reason === "invalid" ? reason : "other" },
    ),
  ),
  centralcloud_dead_letters_refused_total: [
    counts({ event: "dead-letter-refused", ...lane, msgId: "1", code: "x", error: "x" }, 1),
  ],
  centralcloud_messages_released_total: (
    ["fault", "shutdown", "memory-budget", "suspicion"] as const
  ).map((why) => counts({ event: "messages-released", ...lane, count: 3, why }, 3, { cause: why })),
  centralcloud_attempts_failed_total: [
    counts(
      {
        ...{ event: "delivery-failed", ...lane, msgId: "1", attempt: 1 },
        ...{ code: "x", error: "x", retryInMs: 1 },
      },
      1,
    ),
  ],
  centralcloud_lease_extensions_total: [
    counts({ event: "lease-extended", ...lane, count: 5, lost: 2 }, 1),
  ],
  centralcloud_lease_lost_messages_total: [
    counts({ event: "lease-extended", ...lane, count: 5, lost: 2 }, 2),
    counts({ event: "lease-lost", ...lane, count: 6, lateMs: 10 }, 6),
  ],
  centralcloud_lane_faults_total: (["source", "central"] as const).map((side) =>
    counts({ event: "lane-fault", ...lane, side, ...fault }, 1, { side, kind: fault.kind }),
  ),
  centralcloud_lane_crashes_total: [
    counts({ event: "lane-crashed", ...lane, error: "x", crashes: 1 }, 1),
  ],
  centralcloud_database_faults_total: [
    counts(
      { event: "database-fault", database: "one", sourceId: "id-1", ...fault },
      1,
      {},
      {
        database: "id-1",
        kind: fault.kind,
      },
    ),
    counts(
      { event: "database-fault", database: "central", ...fault },
      1,
      {},
      {
        database: "central",
        kind: fault.kind,
      },
    ),
  ],
  centralcloud_listener_losses_total: [
    counts(
      { event: "listener-lost", source: "one", sourceId: "id-1", error: "x" },
      1,
      {},
      ofSource,
    ),
  ],
  centralcloud_ledger_pruned_rows_total: [counts({ event: "ledger-pruned", ...lane, count: 9 }, 9)],
  centralcloud_upkeep_faults_total: [
    counts({ event: "upkeep-fault", task: "ledger of one", error: "x" }, 1, {}, { task: "ledger" }),
  ],
  centralcloud_capture_transactions_total: [counts(recorded, 2, {}, ofSource)],
  centralcloud_capture_changes_total: [counts(recorded, 5, {}, ofSource)],
  centralcloud_capture_faults_total: (["source", "central"] as const).map((side) =>
    counts(
      {
        ...{ event: "capture-fault", source: "one", sourceId: "id-1", side },
        ...{ code: "x", error: "x", retryInMs: 1 },
      },
      1,
      { side },
      ofSource,
    ),
  ),
};

/** A registry of a replica that has no database at all: what moves, an observation has moved. */
function createRegistry() {
  const nothing = { place: "", what: "central", seen: undefined, seenAt: 0, isFailing: false };
  const looks = { central: nothing, sources: [], captures: [], asked: async () => {} };
  const replica = {
    health: () => ({ ready: false, sources: [] }),
    breakers: () => ({ central: false, sources: [] }),
    sourceStates: () => [],
  };
  type Given = Parameters<typeof createMetrics>;
  const metrics = createMetrics(replica as unknown as Given[0], looks as unknown as Given[1]);
  return { ...metrics, scrape: async () => parseMetrics(await metrics.render()) };
}

/** Names of metrics of which a series has another value. */
function movedBetween(before: Scrape, after: Scrape): string[] {
  const valuesOf = (scrape: Scrape) =>
    new Map(
      scrape.samples.map(({ name, labels, value }) => [`${name}${JSON.stringify(labels)}`, value]),
    );
  const old = valuesOf(before);
  const changed = after.samples.filter(
    ({ name, labels, value }) => value !== (old.get(`${name}${JSON.stringify(labels)}`) ?? 0),
  );
  const families = [...after.families.keys()].filter((family) =>
    /^(centralcloud|messaging)_/.test(family),
  );
  return families.filter((family) =>
    changed.some(
      ({ name }) => name.replace(/_(count|sum|bucket)$/, "") === family || name === family,
    ),
  );
}

test("every counter and histogram has a row, and every row a metric", async () => {
  const { families } = await createRegistry().scrape();
  const counted = [...families].filter(
    ([name, { type }]) => /^(centralcloud|messaging)_/.test(name) && type !== "gauge",
  );
  expect(Object.keys(moves).sort()).toEqual(counted.map(([name]) => name).sort());
});

describe("moves by what the event says:", () => {
  const all = Object.entries(moves).flatMap(([name, rows]) =>
    rows.map((move) => [name, move.event.event, move] as const),
  );
  test.each(all)("%s, by %s", async (name, _, { event, series }) => {
    const metrics = createRegistry();
    metrics.observe(event);
    const scrape = await metrics.scrape();
    for (const [suffix, labels, by] of series) {
      expect(scrape.value(`${name}${suffix}`, labels), `${name}${suffix}`).toBeCloseTo(by, 6);
    }
  });
});

describe("moves nothing but what its rows say:", () => {
  const known = new Map<string, Observation>();
  for (const { event } of Object.values(moves).flat()) known.set(event.event, event);
  test.each(Object.keys(eventLevels))("%s", async (event) => {
    const metrics = createRegistry();
    const before = await metrics.scrape();
    // One that no row has: with all that any other one tells.
    const everything = Object.assign({}, ...known.values()) as Observation;
    metrics.observe(known.get(event) ?? ({ ...everything, event } as Observation));
    const expected = Object.entries(moves)
      .filter(([, rows]) => rows.some((row) => row.event.event === event))
      .map(([name]) => name);
    expect(movedBetween(before, await metrics.scrape()).sort()).toEqual(expected.sort());
  });
});
