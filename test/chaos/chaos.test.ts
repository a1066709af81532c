import { expect, test } from "vitest";
import { describeChaos, describeOutage } from "../../tools/chaos/run/describe-report.ts";
import { shortPlan } from "../../tools/chaos/run/plan.ts";
import { runChaos } from "../../tools/chaos/run/run-chaos.ts";
import { runOutage } from "../../tools/chaos/run/run-outage.ts";
import { failOnLeaks } from "../support/leaks.ts";

failOnLeaks();

/* The short form of `pnpm chaos`: fixed seeds, so that a failure can be had again. */

test("whatever happens to replicas, servers and network, each message has its effect once", async () => {
  const report = await runChaos(shortPlan(1));
  expect(report.differences, describeChaos(report)).toEqual([]);
}, 180_000);

test("an outage of the central database costs no attempt and no dead letter, and work continues after it", async () => {
  const report = await runOutage("outage", shortPlan(2));
  expect(report.differences, describeOutage(report)).toEqual([]);
}, 120_000);
