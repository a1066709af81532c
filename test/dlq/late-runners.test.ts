import { listActions } from "@centralcloud/central";
import { ActionLostError, continueAction } from "@centralcloud/dead-letters";
import { afterEach, beforeEach, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { deadLetterReplays } from "../support/dead-letter-replays.ts";
import { emptyQueues, patterns, putDeadLetters, scopeOf } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const { replay, queued } = deadLetterReplays(system);

/** Keeps the first runner that begins a part from doing so for as long as somebody holds this lock. */
const held = 4711;

beforeEach(async () => {
  await system.singularity.pool.query(`
    create sequence public.runners;
    grant usage on sequence public.runners to centralcloud_owner;
    create function public.hold_first_runner() returns trigger language plpgsql as $$
    begin
      if nextval('public.runners') = 1 then
        perform pg_advisory_xact_lock_shared(${held});
      end if;
      return new;
    end $$;
    create trigger hold_first_runner before insert on public.operator_action_progress
      for each row execute function public.hold_first_runner()`);
});
afterEach(async () => {
  await system.singularity.pool.query(`
    drop trigger hold_first_runner on public.operator_action_progress;
    drop function public.hold_first_runner();
    drop sequence public.runners`);
  await emptyQueues(system);
});

test("a closed part keeps the login of who moved its messages, whoever opens it again", async () => {
  const { singularity, central } = system;
  await singularity.pool.query("select nextval('public.runners')");
  await putDeadLetters(singularity, 3);
  const { actionId } = await replay({});
  const part = async () => {
    const { rows } = await singularity.pool.query(
      "select runner, login, openers, closed_at is not null as closed from operator_action_progress where action_id = $1 and queue = $2",
      [actionId, patterns],
    );
    return rows;
  };
  const before = await part();
  expect(before).toMatchObject([{ closed: true, openers: [{ login: before[0].login }] }]);
  // As if the process had been killed between closing the part and saying so.
  await central.pool.query(
    "update central.operator_actions set state = 'running', finished_at = null, runner = 'dead/1', lease_until = now() - interval '1 s' where id = $1",
    [actionId],
  );
  const { sources } = await scopeOf(system);
  const again = await continueAction(actionId ?? "", { central: central.pool, sources });
  expect(again).toMatchObject({ state: "done", moved: 3, remaining: 0 });
  expect(await part()).toEqual(before);
});

test("a runner that stood still before its first message takes nothing back from the one that continues with its action", async () => {
  const { singularity, central } = system;
  await putDeadLetters(singularity, 60);
  const holder = await singularity.pool.connect();
  await holder.query("begin");
  await holder.query(`select pg_advisory_xact_lock(${held})`);
  const late = expect(replay({}, { rate: 20 })).rejects.toThrow(ActionLostError);
  await until("the first runner stands still", async () => {
    const { rows } = await singularity.pool.query(
      `select from pg_locks l where l.locktype = 'advisory' and l.objid = ${held} and not l.granted`,
    );
    return rows.length === 1;
  });
  // As if it had been silent for the whole of its lease.
  await central.pool.query(
    "update central.operator_actions set lease_until = clock_timestamp() - interval '1 s'",
  );
  const [action] = await listActions(central.pool, { limit: 1 });
  const { sources } = await scopeOf(system);
  const goingOn = continueAction(action?.id ?? "", { central: central.pool, sources });
  await until("some are sent", async () => (await queued()).length > 0);
  await holder.query("commit");
  holder.release();
  await late;
  expect(await goingOn).toMatchObject({ state: "done", moved: 60, remaining: 0 });
  expect(new Set((await queued()).map(({ message }) => message)).size).toBe(60);
});
