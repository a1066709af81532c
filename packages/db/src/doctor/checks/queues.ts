import type { ClientBase } from "pg";
import { type CheckedDatabase, readRow } from "../check.ts";
import { error, ok, runStatement, type Verdict, warning } from "../finding.ts";

/** So old may a message get before it shows that nobody consumes its queue, or not fast enough. */
const patienceS = 600;
/** Counting stops there: a backlog of millions is counted no faster. */
const countAtMost = 1_000;

interface State {
  /** Quoted and qualified. */
  readonly table: string;
  readonly exists: boolean;
  /** Whether it has the settings that `create_queue` gives. */
  readonly tuned: boolean;
  /** Whether it has the index that `create_queue` gives a dead-letter queue. */
  readonly hasTimeIndex: boolean;
}

export async function checkQueues({ client, queues }: CheckedDatabase): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const queue of queues) {
    const remedy = `select public.create_queue('${queue}')`;
    const [state, letters] = [await look(client, queue), await look(client, `${queue}-dlq`)];
    const missing = [...(state.exists ? [] : [queue]), ...(letters.exists ? [] : [`${queue}-dlq`])];
    if (missing.length > 0) {
      const message = `there is no queue ${missing.join(", and no queue ")}`;
      verdicts.push(error(message, remedy, runStatement(remedy)));
    }
    if (state.exists && !state.tuned) {
      const message = `${queue} is vacuumed too seldom: it was made without create_queue`;
      verdicts.push(warning(message, remedy, runStatement(remedy)));
    }
    if (letters.exists && !letters.hasTimeIndex) {
      const message = `${queue}-dlq has no index by time: reading a long list of letters is slow`;
      verdicts.push(warning(message, remedy, runStatement(remedy)));
    }
    if (state.exists) verdicts.push(await checkBacklog(client, queue, state));
    if (letters.exists) verdicts.push(...(await checkDeadLetters(client, queue, letters)));
  }
  return verdicts;
}

async function look(client: ClientBase, queue: string): Promise<State> {
  return await readRow<State>(
    client,
    `select format('pgmq.%I', t.name) as table, c.oid is not null as exists,
            coalesce('autovacuum_vacuum_scale_factor=0' = any (c.reloptions), false) as tuned,
            to_regclass(format('pgmq.%I', t.name || '_enqueued_at_idx')) is not null as "hasTimeIndex"
       from (select pgmq.format_table_name($1, 'q') as name) t
       left join pg_class c on c.oid = to_regclass(format('pgmq.%I', t.name))`,
    [queue],
  );
}

async function checkBacklog(client: ClientBase, queue: string, { table }: State): Promise<Verdict> {
  const { count, ageS } = await readRow<{ count: number; ageS: number | null }>(
    client,
    `select (select count(*)::integer from (select from ${table} limit ${countAtMost}) q) as count,
            (select extract(epoch from clock_timestamp() - q.enqueued_at)::integer
               from ${table} q order by q.msg_id limit 1) as "ageS"`,
  );
  if (ageS === null) return ok(`${queue} is empty`);
  const waiting = `${queue}: ${countOf(count, "message")} in it, the oldest since ${ageS} s`;
  if (ageS <= patienceS) return ok(waiting);
  return warning(waiting, "see that a consumer runs: its /readyz says what it waits for");
}

async function checkDeadLetters(
  client: ClientBase,
  queue: string,
  { table }: State,
): Promise<Verdict[]> {
  const { count, oldest } = await readRow<{ count: number; oldest: Date | null }>(
    client,
    `select (select count(*)::integer from (select from ${table} limit ${countAtMost}) q) as count,
            (select min(q.enqueued_at) from ${table} q) as oldest`,
  );
  if (oldest === null) return [];
  const message = `${queue}-dlq: ${countOf(count, "dead letter")} in it, the oldest of ${oldest.toISOString()}`;
  const remedy =
    "look at why: centralcloud dlq list --groups; then replay or discard them " +
    '("Dead letters" in docs/operations.md)';
  return [warning(message, remedy)];
}

function countOf(count: number, noun: string): string {
  const number = count < countAtMost ? String(count) : `${count} or more`;
  return `${number} ${noun}${count === 1 ? "" : "s"}`;
}
