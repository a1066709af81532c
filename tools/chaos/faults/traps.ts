import { queueNames } from "@centralcloud/contracts";
import { marks } from "../load/poison.ts";
import { chaosQueue } from "../queues.ts";
import type { ChaosDatabase } from "../servers/chaos-database.ts";

/*
 * What the suite puts into the databases: a schema `chaos`, and triggers on the tables under test.
 * Some agents are marked, and the central database refuses them, fails on them, or stops while it
 * merges them. A statement fails while a switch says so, as it would on a full disk. And some merging and
 * archiving takes its time, so that faults find messages between being read, merged and archived.
 */

/** How long the merge of a poison message waits until its process is found and killed. */
const waitForKillS = 60;

/** How many of the statements dawdle. */
const dawdleShare = 0.15;

/** The application name that such a merge shows in pg_stat_activity, with its agent behind it. */
export const poisonSign = "chaos-kills ";

const switches = (dawdleMs: number) => `
create schema chaos;
grant usage on schema chaos to public;

-- A switch turns itself off: whoever turned it on may not reach the database any more.
create table chaos.switches (
  name text primary key,
  sqlstate text not null,
  share double precision not null,
  ends_at timestamptz not null
);
grant select on chaos.switches to public;

create function chaos.dawdle_or_fail() returns trigger language plpgsql as $$
declare
  v_sqlstate text;
begin
  if random() < ${dawdleShare} then
    perform pg_sleep(random() * ${dawdleMs / 1000});
  end if;
  select s.sqlstate into v_sqlstate
    from chaos.switches s
   where s.ends_at > clock_timestamp() and random() < s.share
   limit 1;
  if found then
    raise exception 'made to fail by the chaos suite' using errcode = v_sqlstate;
  end if;
  return null;
end
$$;`;

const centralTraps = (dawdleMs: number) => `${switches(dawdleMs)}
create trigger dawdle_or_fail before insert on central.processed_messages
  for each statement execute function chaos.dawdle_or_fail();

create function chaos.treat_marked_agent() returns trigger language plpgsql as $$
begin
  if new.agent_id like '${marks.rejected}-%' then
    raise exception 'the chaos suite refuses this agent' using errcode = '23514';
  elsif new.agent_id like '${marks.failed}-%' then
    raise exception 'the chaos suite fails on this agent' using errcode = 'ZZ001';
  elsif new.agent_id like '${marks["delivery-limit"]}-%' then
    perform set_config('application_name', '${poisonSign}' || new.agent_id, true);
    perform pg_sleep(${waitForKillS});
  end if;
  return new;
end
$$;
${queueNames
  .map(
    (queue) => `
create trigger treat_marked_agent before insert on central.${chaosQueue(queue).agentTable}
  for each row when (new.agent_id like 'chaos-%') execute function chaos.treat_marked_agent();`,
  )
  .join("")}`;

const sourceTraps = (queues: readonly string[], dawdleMs: number) => `${switches(dawdleMs)}
-- Which message got which id: an outbox, so that a send whose answer was lost is not done twice.
create table chaos.sent (
  number bigint primary key,
  queue text not null,
  msg_id bigint not null,
  enqueued_at timestamptz not null,
  unique (queue, msg_id)
);
${queues
  .flatMap((queue) => [`pgmq."a_${queue}"`, `pgmq."q_${queue}-dlq"`])
  .map(
    (table) => `
create trigger dawdle_or_fail before insert on ${table}
  for each statement execute function chaos.dawdle_or_fail();`,
  )
  .join("")}`;

/** @param dawdleMs how long a merge takes at most beyond its own time */
export async function setCentralTraps(central: ChaosDatabase, dawdleMs: number): Promise<void> {
  await central.query(centralTraps(dawdleMs));
}

/** @param dawdleMs how long archiving takes at most beyond its own time, and dead-lettering */
export async function setSourceTraps(
  source: ChaosDatabase,
  queues: readonly string[],
  dawdleMs: number,
): Promise<void> {
  await source.query(sourceTraps(queues, dawdleMs));
}

/** Makes a share of the statements that the traps see fail for a while, with this SQLSTATE. */
export async function switchOn(
  database: ChaosDatabase,
  failure: { readonly sqlstate: string; readonly share: number; readonly ms: number },
): Promise<void> {
  const { sqlstate, share, ms } = failure;
  await database.query(
    `insert into chaos.switches (name, sqlstate, share, ends_at)
     values ($1, $1, $2, clock_timestamp() + make_interval(secs => $3))
     on conflict (name) do update set share = excluded.share, ends_at = excluded.ends_at`,
    [sqlstate, share, ms / 1000],
  );
}
