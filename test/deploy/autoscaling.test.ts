import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { buildKustomization } from "../support/kustomize.ts";
import { useMembers } from "../support/logins.ts";
import { patternMessage } from "../support/messages.ts";

const folder = fileURLToPath(new URL("../../deploy/kubernetes/", import.meta.url));
const queues = ["centralcloud-new-patterns", "agent-sessions", "agent-knowledge-updates"];
const system = useSystem();
const members = useMembers(system, { autoscaler: undefined });

/** The query of one of the production overlay's triggers. */
function queryOf(trigger: string): string {
  const scaled = buildKustomization(`${folder}overlays/production`).find(
    ({ kind }) => kind === "ScaledObject",
  );
  const spec = scaled?.spec as
    | { triggers: { name: string; type: string; metadata: { query: string } }[] }
    | undefined;
  const found = spec?.triggers.find(({ name, type }) => name === trigger && type === "postgresql");
  if (found === undefined) throw new Error(`there is no trigger ${trigger}`);
  return found.metadata.query;
}

/** What the autoscaler reads: one row of one number, which it must get as such. */
async function read(trigger: string): Promise<unknown> {
  const { rows } = await members.autoscaler.singularity.pool.query<[unknown]>({
    text: queryOf(trigger),
    rowMode: "array",
  });
  expect(rows).toHaveLength(1);
  expect(rows[0]).toHaveLength(1);
  return rows[0]?.[0];
}

beforeAll(async () => {
  const { name } = members.autoscaler.login;
  // As docs/operations.md has it.
  await system.singularity.pool.query(`grant usage on schema pgmq to ${name}`);
  for (const queue of queues) {
    await system.singularity.pool.query(
      `grant select (msg_id, enqueued_at) on pgmq."q_${queue}" to ${name}`,
    );
  }
});

// Before the login is dropped.
afterAll(async () => {
  await system.singularity.pool.query(`drop owned by ${members.autoscaler.login.name}`);
});

test("nothing waits where the queues are empty", async () => {
  expect(await read("depth")).toBe(0);
  expect(await read("age")).toBe(0);
});

test("what waits in any queue counts, and the oldest says for how long", async () => {
  for (const queue of queues) await queuesOf(system).sendBatch(queue, [patternMessage()]);
  await system.singularity.pool.query(
    `update pgmq."q_agent-sessions" set enqueued_at = clock_timestamp() - interval '10 minutes'`,
  );
  expect(await read("depth")).toBe(3);
  const age = await read("age");
  expect(age).toBeGreaterThanOrEqual(600);
  expect(age).toBeLessThan(700);
});

test("a long queue is not counted to its end", async () => {
  await system.singularity.pool.query(
    `insert into pgmq."q_centralcloud-new-patterns" (vt, message)
     select now(), '{}' from generate_series(1, 150000)`,
  );
  expect(await read("depth")).toBe(100_003);
});

test("its login reads no message", async () => {
  await expect(
    members.autoscaler.singularity.pool.query(`select message from pgmq."q_agent-sessions"`),
  ).rejects.toThrow("permission denied");
});
