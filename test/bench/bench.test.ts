import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectedContent, fillQueue, installMessages, queue } from "../../tools/bench/backlog.ts";
import { parseOptions } from "../../tools/bench/options.ts";
import { checkoutInUse } from "../../tools/bench/process.ts";
import type { Report } from "../../tools/bench/report/report.ts";
import { withOtherCheckout } from "../../tools/bench/run-scenario.ts";
import { scenarios } from "../../tools/bench/scenarios.ts";
import { ratiosOf, spreadOf } from "../../tools/bench/statistics.ts";
import { assertMergedOnce, assertSettled } from "../../tools/bench/verify.ts";
import { useSystem } from "../support/databases.ts";

const program = fileURLToPath(new URL("../../tools/dist/bench/main.js", import.meta.url));
const system = useSystem();
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "centralcloud-bench-test-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("a quick bench measures every scenario and every system, with results that are right", async () => {
  const [json, svg] = [join(folder, "bench.json"), join(folder, "bench.svg")];
  const words = [program, "--quick", "--json", json, "--svg", svg];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  const report = JSON.parse(await readFile(json, "utf8")) as Report;
  expect(report.scenarios.map(({ name }) => name)).toEqual(scenarios.map(({ name }) => name));
  for (const { name, series, failure, skipped } of report.scenarios) {
    expect({ name, failure, skipped }).toEqual({ name });
    for (const { runs } of series) expect(runs).toHaveLength(1);
    expect(stdout).toContain(`── ${name}:`);
  }
  expect(report.scenarios[0]?.series.map(({ name }) => name)).toEqual([
    "centralcloud",
    "ceiling",
    "bare-loop",
    "one-message-loop",
    "pg-boss",
    "graphile-worker-100",
    "graphile-worker",
  ]);
  expect(await readFile(svg, "utf8")).toMatch(/^<svg [\s\S]*pg-boss[\s\S]*<\/svg>\n$/);
}, 240_000);

test("another checkout is measured in the same rounds, and compared", async () => {
  const json = join(folder, "against.json");
  const checkout = fileURLToPath(new URL("../..", import.meta.url));
  const words = [program, "ready", "--quick", "--against", checkout, "--json", json];
  await promisify(execFile)(process.execPath, words);
  const report = JSON.parse(await readFile(json, "utf8")) as Report;
  const [{ failure, series, checkResults } = { series: [], checkResults: [] }] = report.scenarios;
  expect(failure).toBeUndefined();
  expect(series.map(({ name, runs }) => [name, runs.length])).toEqual([
    ["consume", 1],
    ["consume@other", 1],
  ]);
  expect(checkResults.map(({ goal }) => goal.versus)).toContain("consume@other");
}, 120_000);

test("a message that is missing from the central store, or there twice, or left behind, is found out", async () => {
  const { singularity, central } = system;
  const backlog = { messages: 40, bytes: 420 };
  await installMessages(singularity);
  await fillQueue(singularity, backlog);
  const expected = await expectedContent(singularity.pool, backlog);
  const { rows } = await singularity.pool.query<{ text: string }>(
    `select message::text as text from pgmq."q_${queue}" order by msg_id`,
  );
  /** Merges messages `first` to `last`, under ids that begin with `firstId`. */
  const merge = (first: number, last: number, firstId = first) => {
    const texts = rows.slice(first - 1, last).map(({ text }) => text);
    const ids = texts.map((_, index) => firstId + index);
    return central.pool.query(
      `select from central.merge_patterns('00000000-0000-4000-8000-000000000001', $1, $2,
         array_fill(timestamptz '2026-01-01', array[cardinality($2::bigint[])]), $3)`,
      [queue, ids, `[${texts.join()}]`],
    );
  };
  await merge(1, 39);
  await expect(assertMergedOnce(central.pool, expected)).rejects.toThrow("the central store");
  await merge(40, 40);
  await assertMergedOnce(central.pool, expected);
  await merge(40, 40, 41);
  await expect(assertMergedOnce(central.pool, expected)).rejects.toThrow("the central store");

  await expect(assertSettled(singularity.pool, backlog)).rejects.toThrow("the queue");
  await singularity.pool.query(
    `select pgmq.archive($1, (select array_agg(msg_id) from pgmq."q_${queue}"))`,
    [queue],
  );
  await assertSettled(singularity.pool, backlog);
});

test("ratios are those of each round, whatever the rounds had in common", () => {
  const own = [{ rate: 10 }, { rate: 100 }, { rate: 30 }];
  const other = [{ rate: 5 }, { rate: 50 }, { rate: 10 }];
  expect(ratiosOf(own, other, "rate")).toEqual({ median: 2, lowest: 2, highest: 3 });
  expect(ratiosOf(own, [], "rate")).toBeUndefined();
  expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, lowest: 1, highest: 4 });
});

test("against another checkout, each contender of ours runs beside itself, and their ratio is told", async () => {
  const calls: string[] = [];
  const contender = (name: string, isOurs: boolean) => ({
    name,
    detail: name,
    isOurs,
    prepare: async () => void calls.push(`prepare ${name}`),
    run: async () => {
      calls.push(`run ${name}${checkoutInUse() === "/other" ? " of the other" : ""}`);
      return { rate: 1 };
    },
  });
  const plan = {
    contenders: [contender("centralcloud", true), contender("ceiling", false)],
    columns: [
      { figure: "rate", heading: "rate" },
      { figure: "messages", heading: "of" },
    ],
    goals: [
      { what: "fast", contender: "centralcloud", figure: "rate", versus: "ceiling", atLeast: 1 },
    ],
    quick: ["centralcloud"],
  };
  const { contenders, goals, quick } = withOtherCheckout(plan, "/other");
  expect(contenders.map(({ name }) => name)).toEqual([
    "centralcloud",
    "centralcloud@other",
    "ceiling",
  ]);
  expect(quick).toEqual(["centralcloud", "centralcloud@other"]);
  expect(goals.map(({ what, contender, versus }) => [what, contender, versus])).toEqual([
    ["fast", "centralcloud", "ceiling"],
    ["fast (other)", "centralcloud@other", "ceiling"],
    ["centralcloud against centralcloud@other, rate", "centralcloud", "centralcloud@other"],
  ]);
  for (const { prepare } of contenders) await prepare?.();
  for (const { run } of contenders) await run();
  expect(calls).toEqual([
    "prepare centralcloud",
    "prepare ceiling",
    "run centralcloud",
    "run centralcloud of the other",
    "run ceiling",
  ]);
  expect(withOtherCheckout(plan, undefined)).toBe(plan);
});

test.each([
  [["dran"], "there is no scenario dran"],
  [["--repeat", "0"], "--repeat must be a number above 0, not 0"],
  [["--scale", "0.0"], "--scale must be a number above 0, not 0.0"],
  [["--jsno", "x"], "--jsno"],
  [["--against", "/nowhere"], "--against: /nowhere is no checkout of CentralCloud that is built"],
])("%j is wrong usage", (words, message) => {
  expect(() => parseOptions(words, ["drain"])).toThrow(message);
});
