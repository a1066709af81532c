import { queuesOf } from "@centralcloud/db";
import type { CheckedDatabase } from "../check.ts";
import { type CheckResult, error, ok, runStatement } from "../finding.ts";

interface Gap {
  readonly queue: string;
  /** The role, and what it lacks. */
  readonly lacks: string;
}

/** Whether our functions may send, the consumer take, and people look: a recreated queue starts without. */
export async function checkQueueRights(database: CheckedDatabase): Promise<CheckResult[]> {
  const { client, side, queues } = database;
  const complete = ok(
    "our functions may send to each queue, the consumer take, and viewers and operators look",
  );
  // What is as it was made has the rights that were given.
  const areAllOurs = queues.every((queue) => queuesOf(side).includes(queue));
  if (areAllOurs && (await database.state())?.isKnown) return [complete];
  const { rows } = await client.query<Gap>(
    `with needed (role, prefix, suffix, privileges) as (
       values ((select p.proowner::regrole::text from pg_proc p
                 where p.oid = to_regprocedure('public.queue_agent_sessions(uuid[])')), 'q', '', array['insert', 'select']),
              ('centralcloud_consumer', 'q', '', array['select', 'update', 'delete']),
              ('centralcloud_consumer', 'a', '', array['select', 'insert']),
              ('centralcloud_consumer', 'q', '-dlq', array['select', 'insert']),
              ('centralcloud_viewer', 'q', '-dlq', array['select']),
              ('centralcloud_operator', 'q', '-dlq', array['select'])
     )
     select w.queue, n.role || ' lacks ' || string_agg(p.name, ', ') || ' on ' || t.name as lacks
       from unnest($1::text[]) as w (queue)
      cross join needed n
      cross join lateral (
        select to_regclass(format('pgmq.%I', pgmq.format_table_name(w.queue || n.suffix, n.prefix))) as name
      ) t
      cross join unnest(n.privileges) as p (name)
      where t.name is not null and to_regrole(n.role) is not null
        and not has_table_privilege(to_regrole(n.role)::oid, t.name::oid, p.name)
      group by w.queue, n.role, t.name
      order by w.queue, n.role, t.name::text`,
    [queues],
  );
  if (rows.length === 0) return [complete];
  return rows.map(({ queue, lacks }) => {
    const remedy = `select public.create_queue('${queue}')`;
    return error(lacks, remedy, runStatement(remedy));
  });
}
