import { beforeAll, beforeEach, expect, test } from "vitest";
import { endedOrBlocked } from "../support/blocked.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { processOf, useConnections } from "../support/single-connection.ts";

/*
 * What somebody commits after a statement has begun and before it comes to lock the row. A gate holds the statement
 * between two of its rows: a trigger that waits for a row which the test has locked.
 */

const system = useSystem();
failOnLeaks(system);
const [held, worker] = [0, 1];
const connections = useConnections(system, "singularity", 2);

beforeAll(() =>
  system.singularity.pool.query(`
    create table public.gate (id integer primary key);
    insert into public.gate values (1);
    create function public.pass_gate() returns trigger language plpgsql security definer as $$
    begin
      perform from public.gate for share;
      return new;
    end $$;
    create trigger pass_gate before update on public.pending_tasks
      for each row when (old.id = 1) execute function public.pass_gate()`),
);

beforeEach(() =>
  system.singularity.pool.query(`
    truncate agents, pending_tasks restart identity;
    insert into agents (agent_id, capacity) values ('a', 5);
    insert into pending_tasks (agent_id) values ('a'), ('a'), ('a')`),
);

test.each([
  ["cancelled", "update pending_tasks set status = 'cancelled' where id = 3", "cancelled"],
  ["completed", "update pending_tasks set status = 'completed' where id = 3", "completed"],
  [
    "given to another agent",
    "update pending_tasks set status = 'assigned', assigned_to = 'b' where id = 3",
    "assigned to b",
  ],
])("a task that is %s while others are being assigned stays so", async (_, change, outcome) => {
  const blocker = connections[held];
  const pool = connections[worker];
  if (blocker === undefined || pool === undefined) throw new Error("no connection");
  // So that it locks the tasks one by one, as it does where there are many.
  await pool.query("set enable_hashjoin = off; set enable_mergejoin = off");
  await blocker.query("begin; select from public.gate for update");
  const pid = await processOf(pool);
  const assigning = pool.query("select * from assign_pending_tasks()");
  try {
    expect(await endedOrBlocked(system.singularity.pool, pid, assigning)).toBe("blocked");
    // It has chosen the third task, and holds the first alone.
    await system.singularity.pool.query(`set lock_timeout = '5s'; ${change}; reset lock_timeout`);
  } finally {
    await blocker.query("rollback");
  }
  expect((await assigning).rows).toEqual([{ tasks_assigned: 2, agents_assigned: 1 }]);
  const { rows } = await system.singularity.pool.query<{ line: string }>(
    `select concat_ws(' to ', status, assigned_to) as line from pending_tasks order by id`,
  );
  expect(rows.map(({ line }) => line)).toEqual(["assigned to a", "assigned to a", outcome]);
});
