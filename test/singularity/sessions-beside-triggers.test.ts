import { afterEach, beforeEach, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { runEveryJob } from "../support/jobs.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { addNewKey } from "../support/session-keys.ts";

/* Sessions are queued together, beside whatever triggers an application or an operator has made. */

const system = useSystem();
failOnLeaks(system);
const query = async (text: string) => (await system.singularity.pool.query(text)).rows;
const queue = 'pgmq."q_agent-sessions"';

beforeEach(async () => {
  await addNewKey(system.singularity, `key-${Date.now()}`, { activate: true });
});
afterEach(async () => {
  await query(`drop function if exists public.of_an_application cascade;
    truncate agent_sessions, ${queue}; update session_keys set active = false`);
});

/** A trigger function of an application's. */
const makeFunction = (body: string) =>
  query(
    `create function public.of_an_application() returns trigger language plpgsql as $$ begin ${body} end $$`,
  );
const insert = (agents: string) =>
  query(
    `insert into agent_sessions (agent_id, state) select a, '{"n":1}' from unnest(array[${agents}]) a`,
  );
const queued = async () =>
  (await query(`select message ->> 'agent_id' as agent from ${queue} order by msg_id`)).map(
    ({ agent }) => agent,
  );
const unsynced = async () =>
  (await query("select agent_id from agent_sessions where unsynced order by 1")).map(
    ({ agent_id }) => agent_id,
  );

test.each(["P0001", "AB001", "45000", "44000", "42501", "0A000", "55000", "XX001", "P0004"])(
  "one that the queue refuses with %s stops no other, neither at once nor in a sync run",
  async (code) => {
    await makeFunction(
      `if new.message ->> 'agent_id' = 'bad' then raise exception 'no' using errcode = '${code}'; end if; return new;`,
    );
    await query(
      `create trigger t before insert on ${queue} for each row execute function of_an_application()`,
    );
    await query(
      "insert into agent_sessions (agent_id) select case i when 20 then 'bad' else 'good' end from generate_series(1, 41) i",
    );
    expect(await unsynced()).toEqual(["bad"]);
    expect(await queued()).toHaveLength(40);

    await query(`truncate ${queue}; update agent_sessions set unsynced = true`);
    await runEveryJob(system.singularity);
    expect(await unsynced()).toEqual(["bad"]);
    expect(await queued()).toHaveLength(40);
  },
);

test("what a trigger changes in another session while ours are stamped is queued, too", async () => {
  await insert("'parent', 'child'");
  await query(`truncate ${queue}`);
  await makeFunction(
    `if new.agent_id = 'child' then
       update public.agent_sessions set state = jsonb_set(state, '{n}', to_jsonb((state ->> 'n')::integer + 1))
        where agent_id = 'parent';
     end if;
     return null;`,
  );
  await query(
    "create trigger t after update on agent_sessions for each row execute function of_an_application()",
  );
  await query(`update agent_sessions set state = '{"n":7}' where agent_id = 'child'`);
  expect(await queued()).toEqual(expect.arrayContaining(["child", "parent"]));
  expect(await unsynced()).toEqual([]);

  await query(
    `truncate ${queue}; update agent_sessions set unsynced = true where agent_id = 'child'`,
  );
  await query(`truncate ${queue}`);
  await runEveryJob(system.singularity);
  expect(await queued()).toEqual(expect.arrayContaining(["child", "parent"]));
});

test("a trigger that refuses our stamp fails no statement, and keeps no other session from the queue", async () => {
  await makeFunction(
    `if new.agent_id = 'closed' then raise exception 'closed sessions do not change'; end if; return new;`,
  );
  await query(
    "create trigger t before update on agent_sessions for each row execute function of_an_application()",
  );
  await insert("'open', 'closed', 'open too'");
  expect((await queued()).sort()).toEqual(["open", "open too"]);
});
