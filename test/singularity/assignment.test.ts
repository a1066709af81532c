import { beforeEach, expect, test } from "vitest";
import { whileInTransaction } from "../support/concurrently.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

const system = useSystem();
failOnLeaks(system);
const db = () => system.singularity.pool;

beforeEach(() => db().query("truncate agents, pending_tasks restart identity"));

async function assign(): Promise<{ tasks_assigned: number; agents_assigned: number }> {
  return (await db().query("select * from assign_pending_tasks()")).rows[0];
}

/** The ids of the tasks that each agent has, in order. */
async function assigned(): Promise<Record<string, number[]>> {
  const { rows } = await db().query(
    `select assigned_to, array_agg(id::integer order by id) as ids from pending_tasks
      where status = 'assigned' group by 1 order by 1`,
  );
  return Object.fromEntries(rows.map((row) => [row.assigned_to, row.ids]));
}

test("with no agent, no task, or only inactive agents, nothing is assigned", async () => {
  expect(await assign()).toEqual({ tasks_assigned: 0, agents_assigned: 0 });
  await db().query("insert into pending_tasks (agent_id) values ('a'), (null)");
  expect(await assign()).toEqual({ tasks_assigned: 0, agents_assigned: 0 });
  await db().query("insert into agents (agent_id, status) values ('a', 'inactive')");
  await db().query("insert into agents (agent_id, capacity) values ('b', 0)");
  expect(await assign()).toEqual({ tasks_assigned: 0, agents_assigned: 0 });
  expect(await assigned()).toEqual({});
});

test("an agent gets no more than it has room for, and at most ten a call", async () => {
  await db().query(
    `insert into agents (agent_id, capacity) values ('small', 2), ('large', 15);
     insert into pending_tasks (agent_id) select 'small' from generate_series(1, 5);
     insert into pending_tasks (agent_id) select 'large' from generate_series(1, 30)`,
  );
  expect(await assign()).toEqual({ tasks_assigned: 12, agents_assigned: 2 });
  expect(await assign()).toEqual({ tasks_assigned: 5, agents_assigned: 1 });
  expect(await assign()).toEqual({ tasks_assigned: 0, agents_assigned: 0 });
  await db().query("update pending_tasks set status = 'completed' where id = 1");
  expect(await assign()).toEqual({ tasks_assigned: 1, agents_assigned: 1 });
  expect((await assigned()).small).toEqual([2, 3]);
});

test("the most urgent come first, then the oldest, whether they name an agent or not", async () => {
  await db().query(
    `insert into agents (agent_id, capacity) values ('a', 2);
     insert into pending_tasks (agent_id, priority, created_at) values
       ('a', 0, now() - interval '3 hours'),
       ('a', 5, now() - interval '1 hour'),
       (null, 5, now() - interval '2 hours'),
       (null, 1, now() - interval '9 hours'),
       ('other', 9, now())`,
  );
  expect(await assign()).toEqual({ tasks_assigned: 2, agents_assigned: 1 });
  expect(await assigned()).toEqual({ a: [2, 3] });
});

test("tasks that name nobody are spread evenly", async () => {
  await db().query(
    `insert into agents (agent_id) values ('a'), ('b'), ('c');
     insert into pending_tasks (agent_id) select 'a' from generate_series(1, 2);
     insert into pending_tasks (agent_id) select null from generate_series(1, 7)`,
  );
  expect(await assign()).toEqual({ tasks_assigned: 9, agents_assigned: 3 });
  const counts = Object.values(await assigned()).map((ids) => ids.length);
  expect(counts).toEqual([3, 3, 3]);
});

test("two callers at once overfill no agent and assign no task twice", async () => {
  await db().query(
    `insert into agents (agent_id, capacity) values ('a', 3);
     insert into pending_tasks (agent_id) select 'a' from generate_series(1, 9)`,
  );
  const second = await whileInTransaction(
    db(),
    (client) => client.query("select * from assign_pending_tasks()"),
    assign,
  );
  expect(second).toEqual({ tasks_assigned: 0, agents_assigned: 0 });
  await Promise.all([assign(), assign(), assign()]);
  expect(await assigned()).toEqual({ a: [1, 2, 3] });
});

test("tasks that somebody else holds are left to the next run, and nothing waits for them", async () => {
  await db().query(
    `insert into agents (agent_id) values ('a'); insert into pending_tasks (agent_id) values ('a'), ('a')`,
  );
  const first = await whileInTransaction(
    db(),
    (client) => client.query("select from pending_tasks where id = 1 for update"),
    assign,
  );
  expect(first).toEqual({ tasks_assigned: 1, agents_assigned: 1 });
  expect(await assign()).toEqual({ tasks_assigned: 1, agents_assigned: 1 });
});

test("a thousand agents and a hundred thousand waiting tasks take a moment, not minutes", async () => {
  await db().query(
    `insert into agents (agent_id) select 'agent-' || i from generate_series(1, 1000) i;
     insert into pending_tasks (agent_id, priority)
     select case when i % 3 > 0 then 'agent-' || i % 1200 end, i % 7 from generate_series(1, 100000) i;
     analyze pending_tasks`,
  );
  await db().query("set statement_timeout = '20s'");
  expect(await assign()).toEqual({ tasks_assigned: 10_000, agents_assigned: 1_000 });
  await db().query("reset statement_timeout");
});
