import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createConsumer } from "@centralcloud/consumer";
import { queueNames } from "@centralcloud/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { configurationFor, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { buildKustomization } from "../support/kustomize.ts";
import { useMembers } from "../support/logins.ts";
import { patternMessage } from "../support/messages.ts";
import { until } from "../support/until.ts";

const folder = fileURLToPath(new URL("../../deploy/kubernetes/", import.meta.url));
const system = useSystem();
const members = useMembers(system, { autoscaler: undefined });

interface Trigger {
  readonly name: string;
  readonly type: string;
  readonly metadata: { readonly query: string };
  readonly authenticationRef: { readonly name: string };
}
interface Scaled {
  readonly minReplicaCount: number;
  readonly maxReplicaCount: number;
  readonly fallback: { readonly replicas: number };
  readonly advanced: { readonly scalingModifiers: { readonly formula: string; target: string } };
  readonly triggers: readonly Trigger[];
}

/** The production overlay's, or of the component alone. */
function scaledIn(kustomization: string): Scaled {
  const scaled = buildKustomization(`${folder}${kustomization}`).find(
    ({ kind }) => kind === "ScaledObject",
  );
  return scaled?.spec as Scaled;
}

const production = scaledIn("overlays/production");

/** The query of one of the triggers. */
function queryOf(trigger: string): string {
  const found = production.triggers.find(
    ({ name, type }) => name === trigger && type === "postgresql",
  );
  if (found === undefined) throw new Error(`there is no trigger ${trigger}`);
  return found.metadata.query;
}

/** What the autoscaler reads: one row of one number, which it must get as such. */
async function read(trigger: string, side: "singularity" | "central" = "singularity") {
  const { rows } = await members.autoscaler[side].pool.query<[unknown]>({
    text: queryOf(trigger),
    rowMode: "array",
  });
  expect(rows).toHaveLength(1);
  expect(rows[0]).toHaveLength(1);
  return rows[0]?.[0];
}

beforeAll(async () => {
  const { name } = members.autoscaler.login;
  await system.central.pool.query(`grant usage on schema central to ${name}`);
  await system.central.pool.query(`grant select (last_seen_at) on central.consumers to ${name}`);
  const page = readFileSync(new URL("../../docs/operate/deploy.md", import.meta.url), "utf8");
  const [, grants = ""] = /create role autoscaler_1 login;(.*?)```/s.exec(page) ?? [];
  await system.singularity.pool.query(grants.replaceAll("autoscaler_1", name));
});

// Before the login is dropped.
afterAll(async () => {
  for (const { pool } of [system.singularity, system.central]) {
    await pool.query(`drop owned by ${members.autoscaler.login.name}`);
  }
});

test("nothing waits where the queues are empty", async () => {
  expect(await read("depth")).toBe(0);
  expect(await read("age")).toBe(0);
});

test("what waits in any queue counts, and the oldest says for how long", async () => {
  for (const queue of queueNames) await queuesOf(system).sendBatch(queue, [patternMessage()]);
  await system.singularity.pool.query(
    `update pgmq."q_agent-sessions" set enqueued_at = clock_timestamp() - interval '10 minutes'`,
  );
  expect(await read("depth")).toBe(queueNames.length);
  const age = await read("age");
  expect(age).toBeGreaterThanOrEqual(600);
  expect(age).toBeLessThan(700);
});

test("a long queue is not counted to its end", async () => {
  await system.singularity.pool.query(
    `insert into pgmq."q_centralcloud-new-patterns" (vt, message)
     select now(), '{}' from generate_series(1, 150000)`,
  );
  expect(await read("depth")).toBe(100_000 + queueNames.length);
});

/** How many replicas the autoscaler asks for, by the formula, of what its queries read. */
function replicasFor(read: { depth: number; age: number; live: number }): number {
  const { formula, target } = production.advanced.scalingModifiers;
  const evaluate = new Function("depth", "age", "live", "max", `return ${formula}`);
  const wanted = Math.ceil(evaluate(read.depth, read.age, read.live, Math.max) / Number(target));
  return Math.min(Math.max(wanted, production.minReplicaCount), production.maxReplicaCount);
}

test("what waits asks for replicas only as long as any of them reaches the central store", async () => {
  expect(await read("live", "central")).toBe(0);
  const consumer = createConsumer(configurationFor(system), () => {});
  await consumer.start();
  await until("it reaches the central store", async () => (await read("live", "central")) === 1);
  await consumer.stop();
  expect(await read("live", "central")).toBe(0);
  await system.central.pool.query(
    `insert into central.consumers (id, version, host, last_seen_at)
     values (gen_random_uuid(), '0', 'cut off', now() - interval '2 minutes')`,
  );
  expect(await read("live", "central")).toBe(0);

  expect(replicasFor({ depth: 90_000, age: 60, live: 3 })).toBe(5);
  expect(replicasFor({ depth: 10, age: 6 * 60, live: 3 })).toBe(6);
  expect(replicasFor({ depth: 300_000, age: 86_400, live: 3 })).toBe(12);
  expect(replicasFor({ depth: 300_000, age: 86_400, live: 0 })).toBe(queueNames.length);
});

test("a database that can't be asked asks for no more replicas than there are in quiet", () => {
  expect(production.fallback.replicas).toBe(production.minReplicaCount);
  const small = scaledIn("components/keda");
  expect(small.fallback.replicas).toBe(small.minReplicaCount);
});

test("its login reads no message", async () => {
  await expect(
    members.autoscaler.singularity.pool.query(`select message from pgmq."q_agent-sessions"`),
  ).rejects.toThrow("permission denied");
});
