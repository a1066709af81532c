import { type CapturedQueue, contractFor, queueNames } from "@centralcloud/contracts";
import { copiedUntil } from "@centralcloud/db";

/** How the messages of a queue are compared with the rows that they are made of, which the change log has. */
interface ComparedQueue {
  /** What was compared, as JSON and as text name it. */
  readonly counted: readonly [key: string, words: string];
  /**
   * A statement that gives what the change log has: `id`, `agent_id`, `who`, `at`, `hash`, `is_stored` and `lsn`. `$1` is
   * the source, `$2` the moment from which on, `$3` the end of the log.
   */
  readonly logged: string;
  /** An expression that tells two messages apart that are of the same one and of the same time; default: `''`. */
  readonly hash?: (body: string) => string;
  /** Conditions on something, `f`, that is in no queue. Left out where a row and its message are made together. */
  readonly unsent?: {
    /** The next sync sends it. */
    readonly isWaiting: string;
    /** It is of the time when this source was a copy of another, and was not on a queue then: this source sends it. */
    readonly isSentHere: string;
  };
}

/**
 * The central store keeps of patterns what an agent learned last and how often, of sessions the newest
 * version: so it can show that something is missing, and not always that nothing is.
 */
const compared: Readonly<Record<CapturedQueue, ComparedQueue>> = {
  "centralcloud-new-patterns": {
    counted: ["patterns", "patterns"],
    logged: `
      select c.key ->> 'id' as id, c.agent_id, c.agent_id as who, l.at, l.hash,
             coalesce(p.last_learned_at >= l.at, false) as is_stored, c.lsn
        from central.change_log c
       cross join lateral (
         select pg_temp.readable_time(c.new_values ->> 'learned_at') as at,
                md5((c.new_values -> 'pattern')::text) as hash,
                sha256(convert_to((c.new_values -> 'pattern')::text, 'UTF8')) as fingerprint
       ) l
        left join central.pattern_agents p
          on p.fingerprint = l.fingerprint and p.source_id = c.source_id and p.agent_id = c.agent_id
       where c.source_id = $1 and c.committed_at >= $2 and c.lsn < $3
         and c.table_name = 'learned_patterns' and c.operation in ('insert', 'snapshot')`,
    hash: (body) => `md5((${body} -> 'pattern')::text)`,
    unsent: {
      isWaiting: `exists (
        select from public.learned_patterns p
         where p.id::text = f.id and p.synced_at is null and p.agent_id = f.agent_id and p.learned_at = f.at)`,
      isSentHere: `exists (
        select from public.learned_patterns p
         where p.id::text = f.id and (p.synced_at is null or p.synced_at > ${copiedUntil}))`,
    },
  },
  "agent-sessions": {
    counted: ["sessions", "versions of sessions"],
    logged: `
      select v.id, v.agent_id, v.id as who, v.at, '' as hash, coalesce(s.synced_at >= v.at, false) as is_stored, v.lsn
        from (
          select c.source_id, c.key ->> 'id' as id, c.agent_id,
                 pg_temp.readable_time(c.new_values ->> 'last_synced_at') as at, min(c.lsn) as lsn
            from central.change_log c
           where c.source_id = $1 and c.committed_at >= $2 and c.lsn < $3
             and c.table_name = 'agent_sessions' and c.operation in ('insert', 'update', 'snapshot')
             and c.new_values ->> 'last_synced_at' is not null
           group by 1, 2, 3, 4
        ) v
        left join central.agent_sessions s on s.source_id = v.source_id and s.session_id = v.id`,
  },
};

/** The queues that are compared, each with what its contract says of it. */
export const comparedQueues = queueNames.flatMap((queue) => {
  const { captured, version, time } = contractFor(queue);
  if (captured === null) return [];
  const { hash = () => "''", ...how } = compared[queue as CapturedQueue];
  // `pattern` of `pattern/1`.
  const kind = version.slice(0, version.indexOf("/"));
  return [{ ...how, queue, kind, version, time, captured, hash }];
});

/** The tables whose changes are compared. */
export const comparedTables: readonly string[] = comparedQueues.map(
  ({ captured }) => captured.table,
);

/** How much of what was compared, by what it is. */
export type Checked = Readonly<Record<string, number>>;

/** The same in words: `6 patterns and 2 versions of sessions`. */
export function describeChecked(checked: Checked): string {
  const counts = comparedQueues.map(({ counted: [key, words] }) => `${checked[key] ?? 0} ${words}`);
  return new Intl.ListFormat("en").format(counts);
}
