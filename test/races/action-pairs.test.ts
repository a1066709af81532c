import {
  DeadLetterNotFoundError,
  EditRefusedError,
  replayDeadLetters,
  restoreDeadLetters,
} from "@centralcloud/dead-letters";
import { type ClaimedMessage, QueueClient } from "@centralcloud/queue";
import type { Pool } from "pg";
import { describe, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { actionOn, judge, scopeOf } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { useConnections } from "../support/single-connection.ts";
import { connectionsOf, expectSerial, type Pair, type Step } from "./collide.ts";

/*
 * What operators, runners of their actions, readers and leaders do at the same time, each pair by schedule: see
 * pairs.test.ts. Where one of two must be refused, that is among what is compared.
 */

const system = useSystem();
failOnLeaks(system);
const ofSource = useConnections(system, "singularity", 3);
const ofCentral = useConnections(system, "central", 3);

const queue = "centralcloud-new-patterns";
const deadLetters = `pgmq."q_${queue}-dlq"`;
const archive = `pgmq."a_${queue}-dlq"`;

const deadLetter = (
  number: string,
) => `jsonb_build_object('original_message', '{}'::jsonb, 'original_message_id', ${number},
  'queue', '${queue}', 'original_enqueued_at', '2026-01-01T00:00:00+00:00', 'read_count', 1, 'reason', 'invalid',
  'error', '{"code": "x", "message": "x"}'::jsonb, 'attempts', '[]'::jsonb, 'dead_lettered_at', '2026-01-01T00:00:00Z')`;
const waiting = `
  truncate pgmq."q_${queue}", ${deadLetters}, ${archive} restart identity;
  insert into ${deadLetters} (vt, enqueued_at, message)
  select now(), '2026-01-01T00:00:00Z', ${deadLetter("g")} from generate_series(1, 3) g`;
/** The first two are discarded, the third waits. */
const discarded = `
  ${waiting};
  with gone as (delete from ${deadLetters} where msg_id < 3 returning *)
  insert into ${archive} (msg_id, vt, enqueued_at, message, headers)
  select msg_id, vt, enqueued_at, message, '{"action": "discard", "action_id": 1}' from gone`;

/** Of each dead letter: how often its message was sent, and where it is. */
const outcomes = `
  select format('%s sent %s times, archived as %s, waits %s times', g,
                (select count(*) from pgmq."q_${queue}" q where q.headers ->> 'replay_of' = g::text),
                (select string_agg(a.headers ->> 'action', ', ') from ${archive} a
                  where a.message ->> 'original_message_id' = g::text),
                (select count(*) from ${deadLetters} d where d.message ->> 'original_message_id' = g::text)) as line
    from generate_series(1, 3) g order by 1`;

async function scopeFor(pool: Pool) {
  return await scopeOf({ ...system, singularity: { ...system.singularity, pool } }, [queue]);
}
const restore: Step = async (pool) =>
  await restoreDeadLetters(await scopeFor(pool), { filter: {} }, actionOn(system));
const replay: Step = async (pool) =>
  await replayDeadLetters(await scopeFor(pool), {}, { ...actionOn(system), judge });

/** A step that may find that the other one was first. */
const orRefused =
  (step: (pool: Pool) => Promise<unknown>, isRefusal: (error: unknown) => boolean): Step =>
  async (pool) => {
    try {
      await step(pool);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  };
const isGone = (error: unknown) =>
  error instanceof DeadLetterNotFoundError || error instanceof EditRefusedError;
const edit = orRefused(
  async (pool) =>
    await replayDeadLetters(
      await scopeFor(pool),
      { ids: ["1"] },
      { ...actionOn(system, { all: false }), judge, edit: patternMessage() },
    ),
  isGone,
);

const key = "00000000-0000-4000-8000-000000000009";
const open = (runner: string, claim: number) =>
  `select * from public.open_action_part('${key}', '${queue}', 1, '${runner}', ${claim})`;
const hasLost = (error: unknown) => (error as { code?: string }).code === "22023";
const move = (runner: string, call: string) =>
  orRefused((pool) => pool.query(`select ${call.replace("RUNNER", runner)}`), hasLost);
const discardAs = (runner: string) =>
  move(runner, `public.discard_dead_letters('${key}', '${queue}', 'RUNNER', '{1,2,3}')`);
const opened = (claim: number) =>
  `${waiting}; delete from public.operator_action_progress; ${open("early", claim)}`;
const counted = `
  select format('%s moved and %s archived', p.moved_count, (select count(*) from ${archive})) as line
    from public.operator_action_progress p
   union all select format('of %s', runner) from public.operator_action_progress order by 1`;

/** The lease of an earlier read: over, unless it is extended by a minute from when that read was sent. */
const visibleAt = (Date.now() - 1_000) * 1_000;
const claimed = [1, 2, 3].map(
  (msgId) =>
    ({
      msgId: String(msgId),
      enqueuedAt: "2026-01-01T00:00:00Z",
      readCount: 1,
      claimToken: {
        visibilityTimeouts: [String(visibleAt)],
        extend: () => String(visibleAt + 60_000_000),
      },
    }) as unknown as ClaimedMessage,
);
const note = (pool: Pool, reader: string, ids: readonly string[]) =>
  pool.query("insert into public.noted select $1, i from unnest($2::bigint[]) i", [reader, ids]);
const noted =
  "create table if not exists public.noted (who text, id bigint); truncate public.noted";

const lead: Step = async (pool) => {
  // What this session has led before is over.
  await pool.query("select pg_advisory_unlock_all()");
  const { rows } = await pool.query(
    "select public.lead_schedules() as other, pg_backend_pid() as pid",
  );
  if (rows[0].other === null) await note(pool, String(rows[0].pid), ["1"]);
};

const onSource: readonly Pair[] = [
  {
    name: "a restore of what was discarded, and a replay of what waits",
    setup: discarded,
    first: restore,
    second: replay,
    // What came back, or was left because it was locked.
    afterwards: async (pool) => {
      await restore(pool);
      await replay(pool);
    },
    tables: [deadLetters, archive],
    content: outcomes,
  },
  {
    name: "two restores of the same dead letters",
    setup: discarded,
    first: restore,
    second: restore,
    afterwards: restore,
    tables: [archive],
    content: outcomes,
  },
  {
    name: "an edit of a dead letter, and its discard",
    setup: `${waiting}; delete from public.operator_action_progress; ${open("early", 1)}`,
    first: edit,
    second: discardAs("early"),
    afterwards: discardAs("early"),
    tables: [deadLetters],
    content: outcomes,
  },
  {
    name: "two runners that begin the same part of an action",
    setup: opened(1),
    first: open("one", 2),
    second: open("other", 3),
    tables: ["public.operator_action_progress"],
    content:
      "select format('%s by claim %s', runner, claim_number) as line from public.operator_action_progress",
  },
  {
    name: "a runner that moves dead letters, and one that takes its part over",
    setup: opened(1),
    first: discardAs("early"),
    second: open("late", 2),
    tables: ["public.operator_action_progress", deadLetters],
    content: counted,
  },
  {
    name: "a read, and the extension of an earlier one whose lease has just ended",
    setup: `${noted}; truncate pgmq."q_${queue}" restart identity;
      insert into pgmq."q_${queue}" (vt, enqueued_at, read_ct, message)
      select timestamptz 'epoch' + ${visibleAt} * interval '1 microsecond', '2026-01-01T00:00:00Z', 1, '{}'
        from generate_series(1, 3)`,
    first: async (pool) => {
      const { rows } = await pool.query(`select msg_id from pgmq.read('${queue}', 60, 3)`);
      await note(
        pool,
        "reader",
        rows.map(({ msg_id }) => msg_id),
      );
    },
    second: async (pool) =>
      await note(pool, "holder", await new QueueClient(pool).extendLease(queue, claimed)),
    tables: [`pgmq."q_${queue}"`],
    content:
      "select format('%s held by %s', id, count(*)) as line from public.noted group by id order by 1",
  },
  {
    name: "two schedulers that want to lead",
    // Of the locks of jobs, none is asked for.
    setup: `${noted}; select pg_advisory_unlock_all(); delete from public.centralcloud_locks where lock_name <> 'lead schedules'`,
    first: lead,
    second: lead,
    // While the row was held, neither may have got it.
    afterwards: lead,
    tables: ["public.centralcloud_locks"],
    content: "select format('%s leads', count(distinct who)) as line from public.noted",
  },
];

const action = 1;
const planned = `
  delete from central.operator_actions;
  insert into central.operator_actions (id, actor, action, reason, selection, message_count, state, login)
  overriding system value
  values (${action}, 'a', 'replay', 'a test', '{}', 0, 'planned', session_user)`;
const claim = (runner: string) =>
  `select * from central.claim_operator_action(${action}, '${runner}', '1 minute')`;
const control = (verb: string) =>
  `select * from central.control_operator_action(${action}, '${verb}', 'an operator')`;
const report = (canary: string) =>
  `select * from central.report_operator_action(${action}, 'one', '1 minute', '[]', '${canary}')`;
const actionContent = `
  select format('%s, of %s, claimed %s times, canary %s', state, runner, claim_count, canary_state) as line
    from central.operator_actions
   union all select format('%s by %s', event, actor) from central.operator_action_events order by 1`;

const source = "00000000-0000-4000-8000-000000000001";
const cursor = `
  delete from central.change_log; delete from central.capture_cursors;
  select central.begin_capture('${source}', 'races', 's', 'pgoutput', '1', 1, 10, '2026-01-01T00:00:00Z', 'r')`;
const advance = (lsn: number, reader: string) =>
  `select central.advance_capture_cursor('${source}', ${lsn}, '2026-01-01T00:00:00Z', 1, '${reader}')`;

const onCentral: readonly Pair[] = [
  {
    name: "two runners that claim one action",
    setup: planned,
    first: claim("one"),
    second: claim("other"),
    tables: ["central.operator_actions"],
    content: actionContent,
  },
  {
    name: "a runner that claims an action, and an operator who cancels it",
    setup: planned,
    first: claim("one"),
    second: control("cancel"),
    tables: ["central.operator_actions"],
    content: actionContent,
  },
  {
    name: "a runner's report, and an operator who pauses",
    setup: `${planned}; ${claim("one")}`,
    first: report("passed"),
    second: control("pause"),
    tables: ["central.operator_actions"],
    content: actionContent,
  },
  {
    name: "a reader that advances its cursor, and one that has taken the capture over",
    setup: cursor,
    first: advance(20, "early"),
    second: advance(30, "late"),
    tables: ["central.capture_cursors"],
    content: "select format('cursor %s', lsn) as line from central.capture_cursors",
  },
  {
    name: "a reader that advances its cursor, and whoever ends the capture",
    setup: cursor,
    first: orRefused(
      (pool) => pool.query(advance(20, "early")),
      (error) => /has been ended/.test(String(error)),
    ),
    second: `select central.end_capture('${source}', 'an operator', 'a test')`,
    tables: ["central.capture_cursors"],
    content: `select format('%s from %s', operation, new_values ->> 'from') as line from central.change_log
               union all select format('cursor %s', lsn) from central.capture_cursors order by 1`,
  },
];

describe("what is done at once is as if it were done one after the other", () => {
  const turned = ({ first, second, ...pair }: Pair): Pair => ({
    ...pair,
    first: second,
    second: first,
  });
  test.each(onSource)("$name", async (pair) => {
    await expectSerial(connectionsOf(system.singularity.pool, ofSource), pair);
  });
  test.each(onSource)("$name, the other one first", async (pair) => {
    await expectSerial(connectionsOf(system.singularity.pool, ofSource), turned(pair));
  });
  test.each(onCentral)("$name", async (pair) => {
    await expectSerial(connectionsOf(system.central.pool, ofCentral), pair);
  });
  test.each(onCentral)("$name, the other one first", async (pair) => {
    await expectSerial(connectionsOf(system.central.pool, ofCentral), turned(pair));
  });
});
