import { describe, expect, test } from "vitest";
import { type TestDatabase, useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { attempt, useMembers } from "../support/logins.ts";

/*
 * What a stolen consumer's login reaches: everything that there is, is tried, so that a table, function or
 * queue of the future is out of reach until somebody puts it on a list here.
 */

const system = useSystem();
const members = useMembers(system, { consumer: "centralcloud_consumer" });
failOnLeaks(system);

const queues = ["centralcloud-new-patterns", "agent-sessions", "agent-knowledge-updates"];
const foreign = ["another", "another-dlq", "agent-sessions-copy"];

/** Quoted and qualified, sequences left out. */
async function relationsOf(
  { pool }: TestDatabase,
  schemas: readonly string[],
  kinds: readonly string[] = ["r", "p", "v", "m"],
): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = any ($1) and c.relkind = any ($2)
        and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e' and n.nspname = 'public')
      order by 1`,
    [schemas, kinds],
  );
  return rows.map(({ name }) => name);
}

/** A call of each function with nothing but null, which is refused before it is looked at. */
async function callsOf({ pool }: TestDatabase, schema: string): Promise<string[]> {
  const { rows } = await pool.query<{ call: string }>(
    `select format('%s %I.%I(%s)', case p.prokind when 'p' then 'call' else 'select' end, n.nspname, p.proname,
                   (select string_agg(format('null::%s', a.type::regtype), ', ' order by a.place)
                      from unnest(p.proargtypes::oid[]) with ordinality as a (type, place))) as call
       from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname = $1 and p.prorettype <> 'trigger'::regtype
        and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
      order by 1`,
    [schema],
  );
  return rows.map(({ call }) => call);
}

/** Which statements are not refused for want of a right. */
async function reached(member: TestDatabase, statements: readonly string[]): Promise<string[]> {
  const allowed: string[] = [];
  for (const statement of statements) {
    if ((await attempt(member, statement)) !== "refused") allowed.push(statement);
  }
  return allowed;
}

const table = (prefix: string, queue: string) => `pgmq."${prefix}_${queue}"`;

describe("on a source", () => {
  test("it reads its queues and who the source is, and no table else", async () => {
    for (const queue of foreign) {
      await system.singularity.pool.query("select pgmq.create($1)", [queue]);
    }
    const relations = await relationsOf(system.singularity, [
      "public",
      "pgmq",
      "centralcloud_migrations",
    ]);
    expect(relations).toEqual(
      expect.arrayContaining(["public.session_keys", "public.agent_sessions", "pgmq.q_another"]),
    );
    const reads = await reached(
      members.consumer.singularity,
      relations.map((name) => `select from ${name}`),
    );
    const expected = [
      ...queues.flatMap((queue) => [
        table("q", queue),
        table("a", queue),
        table("q", `${queue}-dlq`),
      ]),
      "public.singularity_source",
    ];
    expect(reads).toEqual(expected.map((name) => `select from ${name}`).sort());
  });

  test("it writes to its queues, and to no table else", async () => {
    const schemas = ["public", "pgmq", "centralcloud_migrations"];
    const relations = await relationsOf(system.singularity, schemas, ["r", "p"]);
    const writes = (verb: (name: string) => string) =>
      reached(members.consumer.singularity, relations.map(verb));
    expect(await writes((name) => `delete from ${name}`)).toEqual(
      queues.map((queue) => `delete from ${table("q", queue)}`).sort(),
    );
    expect(await writes((name) => `truncate ${name}`)).toEqual([]);
    expect(await writes((name) => `select from ${name} for update`)).toEqual(
      queues.map((queue) => `select from ${table("q", queue)} for update`).sort(),
    );
    expect(await writes((name) => `insert into ${name} default values`)).toEqual(
      queues
        .flatMap((queue) => [table("a", queue), table("q", `${queue}-dlq`)])
        .map((name) => `insert into ${name} default values`)
        .sort(),
    );
  });

  test("it calls no function of ours but those that read nothing", async () => {
    const calls = await callsOf(system.singularity, "public");
    expect(calls.length).toBeGreaterThan(25);
    const allowed = await reached(members.consumer.singularity, calls);
    const names = new Set(allowed.map((call) => /public\.(\w+)/.exec(call)?.[1]));
    expect([...names].sort()).toEqual([
      "decode_base32",
      "encode_base32",
      "gen_ulid",
      "gen_ulids",
      "openpgp_packet_tags",
      "ulid_timestamp",
      "ulid_to_uuid",
      "uuid_to_ulid",
    ]);
  });

  test("it gets nowhere with the queues of others, by whatever function of pgmq", async () => {
    const attempts = foreign.flatMap((queue) => [
      `select * from pgmq.read('${queue}', 0, 1)`,
      `select * from pgmq.read_with_poll('${queue}', 0, 1, 1)`,
      `select * from pgmq.pop('${queue}')`,
      `select * from pgmq.send('${queue}', '{}')`,
      `select * from pgmq.send_batch('${queue}', array['{}'::jsonb])`,
      `select * from pgmq.archive('${queue}', 1)`,
      `select * from pgmq.delete('${queue}', 1)`,
      `select * from pgmq.set_vt('${queue}', 1, 0)`,
      `select * from pgmq.purge_queue('${queue}')`,
      `select * from pgmq.drop_queue('${queue}')`,
      `select * from pgmq.metrics('${queue}')`,
    ]);
    expect(await reached(members.consumer.singularity, attempts)).toEqual([]);
    const own = queues.flatMap((queue) => [
      `select * from pgmq.drop_queue('${queue}')`,
      `select * from pgmq.purge_queue('${queue}')`,
      `select * from pgmq.pop('${queue}-dlq')`,
      `select * from pgmq.delete('${queue}-dlq', 1)`,
      "select * from pgmq.create('of-the-consumer')",
    ]);
    expect(await reached(members.consumer.singularity, own)).toEqual([]);
  });

  test("it can neither become another role, nor make objects, nor read the log", async () => {
    const attempts = [
      "set role centralcloud_owner",
      "set role centralcloud_application",
      "set role centralcloud_auditor",
      "create table public.of_the_consumer ()",
      "create schema of_the_consumer",
      "create role of_the_consumer",
      "select * from pg_logical_slot_peek_changes('x', null, null)",
      "select pg_create_logical_replication_slot('of_the_consumer', 'pgoutput')",
      "select pg_read_file('/etc/hostname')",
      "copy (select 1) to program 'true'",
    ];
    expect(await reached(members.consumer.singularity, attempts)).toEqual([]);
  });
});

describe("on the central store", () => {
  test("it reads what was merged, and not what operators did or what was captured", async () => {
    const relations = await relationsOf(system.central, [
      "central",
      "centralcloud_migrations",
      "public",
    ]);
    const reads = await reached(
      members.consumer.central,
      relations.map((name) => `select from ${name}`),
    );
    expect(reads.map((statement) => statement.replace("select from central.", ""))).toEqual([
      "agent_knowledge",
      "agent_sessions",
      "consensus_patterns",
      "consumers",
      "knowledge_summaries",
      "lanes",
      "pattern_agents",
      "patterns",
      "processed_messages",
      "sources",
    ]);
    const schemas = ["central", "centralcloud_migrations", "public"];
    const tables = await relationsOf(system.central, schemas, ["r", "p"]);
    for (const verb of ["delete from", "truncate"]) {
      const writes = tables.map((name) => `${verb} ${name}`);
      expect(await reached(members.consumer.central, writes)).toEqual([]);
    }
    const inserts = tables.map((name) => `insert into ${name} default values`);
    expect(await reached(members.consumer.central, inserts)).toEqual([]);
  });

  test("it calls what merges and reports, and nothing that captures", async () => {
    const allowed = await reached(
      members.consumer.central,
      await callsOf(system.central, "central"),
    );
    const names = new Set(allowed.map((call) => /central\.(\w+)/.exec(call)?.[1]));
    expect([...names].sort()).toEqual([
      "forget_failures",
      "look_up_deliveries",
      "merge_knowledge",
      "merge_patterns",
      "merge_sessions",
      "prune_ledger",
      "record_failures",
      "register_source",
      "report_consumer",
      "retire_consumer",
    ]);
  });
});
