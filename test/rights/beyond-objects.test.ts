import { queueNames } from "@centralcloud/contracts";
import { beforeAll, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { attempt, useMembers } from "../support/logins.ts";

/*
 * What no right on a single object says: what a login reaches through the functions of pgmq, which are everybody's,
 * and through those of the server.
 */

const system = useSystem();
const members = useMembers(system, {
  application: "centralcloud_application",
  auditor: "centralcloud_auditor",
  consumer: "centralcloud_consumer",
  jobs: "centralcloud_jobs",
  operator: "centralcloud_operator",
  viewer: "centralcloud_viewer",
  nobody: undefined,
});
failOnLeaks(system);

const foreign = ["another", "another-dlq", "agent-sessions-copy"];
const everybody = [
  "application",
  "auditor",
  "consumer",
  "jobs",
  "operator",
  "viewer",
  "nobody",
] as const;
const lookers = ["operator", "viewer"] as const;

beforeAll(async () => {
  const { pool } = system.singularity;
  for (const queue of foreign) await pool.query("select pgmq.create($1)", [queue]);
  // So that a read that may wait for a message has one.
  for (const queue of queueNames) await pool.query("select pgmq.send($1, '{}')", [queue]);
});

const reads = (queue: string) => [
  `select * from pgmq.read('${queue}', 0, 1)`,
  `select * from pgmq.archive('${queue}', array[1::bigint])`,
];
const counts = (queue: string) => [`select * from pgmq.metrics('${queue}')`];
const sends = (queue: string) => [
  `select * from pgmq.send('${queue}', '{}')`,
  `select * from pgmq.send_batch('${queue}', array['{}'::jsonb])`,
];
/** What takes a right on the archive, or is done by the queue's owner only. */
const removes = (queue: string) => [
  `select * from pgmq.purge_queue('${queue}')`,
  `select * from pgmq.drop_queue('${queue}')`,
];
const takes = (queue: string) => [
  `select * from pgmq.read_with_poll('${queue}', 0, 1, 1)`,
  `select * from pgmq.pop('${queue}')`,
  `select * from pgmq.delete('${queue}', 1)`,
  `select * from pgmq.set_vt('${queue}', 1, 0)`,
];
const all = (queue: string) =>
  [reads, counts, sends, removes, takes].flatMap((statements) => statements(queue));

/** Which statements are not refused for want of a right. */
async function reached(
  role: (typeof everybody)[number],
  side: "singularity" | "central",
  statements: readonly string[],
): Promise<string[]> {
  const allowed: string[] = [];
  for (const statement of statements) {
    if ((await attempt(members[role][side], statement)) !== "refused") allowed.push(statement);
  }
  return allowed;
}

test.each(everybody)("%s gets nowhere with queues that are not ours", async (role) => {
  expect(await reached(role, "singularity", foreign.flatMap(all))).toEqual([]);
  expect(await reached(role, "singularity", ["select * from pgmq.create('mine')"])).toEqual([]);
});

const others = everybody.filter((role) => !["consumer", ...lookers].includes(role));
test.each(others)("%s gets nowhere with our queues, either", async (role) => {
  const ours = queueNames.flatMap((queue) => [queue, `${queue}-dlq`]);
  expect(await reached(role, "singularity", ours.flatMap(all))).toEqual([]);
});

test("the consumer takes messages from our queues and sends to their dead letters, and nothing else", async () => {
  const may = queueNames.flatMap((queue) => [
    ...reads(queue),
    ...counts(queue),
    ...takes(queue),
    ...counts(`${queue}-dlq`),
    ...sends(`${queue}-dlq`),
  ]);
  expect(await reached("consumer", "singularity", may)).toEqual(may);
  const mayNot = queueNames.flatMap((queue) => [
    ...sends(queue),
    ...removes(queue),
    ...reads(`${queue}-dlq`),
    ...takes(`${queue}-dlq`),
    ...removes(`${queue}-dlq`),
  ]);
  expect(await reached("consumer", "singularity", mayNot)).toEqual([]);
});

test.each(lookers)(
  "%s neither takes from our queues nor sends to them; dead letters can be locked by an operator",
  async (role) => {
    const ours = queueNames.flatMap((queue) => [queue, `${queue}-dlq`]);
    const changes = ours.flatMap((queue) =>
      [reads, sends, takes, removes].flatMap((statements) => statements(queue)),
    );
    const locks =
      role === "operator"
        ? queueNames.map((queue) => `select * from pgmq.set_vt('${queue}-dlq', 1, 0)`)
        : [];
    expect(await reached(role, "singularity", changes)).toEqual(locks);
  },
);

const foreignToEach = [
  "set role centralcloud_owner",
  "create table public.mine ()",
  "create function public.mine() returns void language sql as ''",
  "create view public.mine as select 1",
  "create schema mine",
  "create role mine",
  "create publication mine",
  "alter database %I set work_mem = '1GB'",
  "select * from pg_logical_slot_peek_changes('x', null, null)",
  "select pg_create_logical_replication_slot('of_nobody', 'pgoutput')",
  "select pg_read_file('/etc/hostname')",
  "select pg_switch_wal()",
  "select * from pg_authid",
  "copy (select 1) to program 'true'",
  "set session_replication_role = replica",
];

test.each(everybody)(
  "%s can neither make objects nor read the server's files and log",
  async (role) => {
    for (const side of ["singularity", "central"] as const) {
      const statements = foreignToEach.map((one) => one.replace("%I", `"${system[side].name}"`));
      expect(await reached(role, side, statements), side).toEqual([]);
    }
  },
);

test.each(everybody)("%s can become no other role of ours", async (role) => {
  const others = everybody.filter((one) => one !== role && one !== "nobody");
  const statements = others.map((other) => `set role centralcloud_${other}`);
  expect(await reached(role, "singularity", statements)).toEqual([]);
});
