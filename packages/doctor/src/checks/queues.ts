import { queuesOf } from "@centralcloud/db";
import { type ClientBase, escapeIdentifier, escapeLiteral } from "pg";
import type { CheckedDatabase } from "../check.ts";
import { type CheckResult, error, ok, runStatement, warning } from "../finding.ts";

/** So old may a message get before it shows that nobody consumes its queue, or not fast enough. */
const longestWaitS = 600;
/** Counting stops there: a backlog of millions is counted no faster. */
const countAtMost = 1_000;

interface State {
  /** Quoted and qualified. */
  readonly table: string;
  readonly isOfDeadLetters: boolean;
  readonly exists: boolean;
  /** Whether it has the settings that `create_queue` gives. */
  readonly tuned: boolean;
  /** Whether it has the indexes that `create_queue` gives a dead-letter queue. */
  readonly hasTimeIndex: boolean;
  /** Whether its dead letters can be grouped without reading them. */
  readonly hasFingerprintIndex: boolean;
}

export async function checkQueues(database: CheckedDatabase): Promise<CheckResult[]> {
  const { client, side, queues } = database;
  const names = queues.flatMap((queue) => [queue, `${queue}-dlq`]);
  // What is as it was made needs no look at each queue's table.
  const areAllOurs = names.every((name) => queuesOf(side).includes(name));
  const isKnown = areAllOurs && (await database.state())?.isKnown === true;
  const states = isKnown ? names.map(asMade) : await readStates(client, names);
  const existing = states.filter(({ exists }) => exists);
  const contents = await readContents(client, existing);
  const contentOf = ({ table }: State) => contents.find((content) => content.table === table);
  return queues.flatMap((queue, index) => {
    const remedy = `select public.create_queue('${queue}')`;
    const [state, deadLetters] = [states[2 * index], states[2 * index + 1]];
    if (state === undefined || deadLetters === undefined) return [];
    const checkResults: CheckResult[] = [];
    const missing = [
      ...(state.exists ? [] : [queue]),
      ...(deadLetters.exists ? [] : [`${queue}-dlq`]),
    ];
    if (missing.length > 0) {
      const message = `there is no queue ${missing.join(", and no queue ")}`;
      checkResults.push(error(message, remedy, runStatement(remedy)));
    }
    if (state.exists && !state.tuned) {
      const message = `${queue} is vacuumed too seldom: it was made without create_queue`;
      checkResults.push(warning(message, remedy, runStatement(remedy)));
    }
    if (deadLetters.exists && !deadLetters.hasTimeIndex) {
      const message = `${queue}-dlq has no index by time: reading a long list of dead letters is slow`;
      checkResults.push(warning(message, remedy, runStatement(remedy)));
    }
    if (deadLetters.exists && !deadLetters.hasFingerprintIndex) {
      const message = `${queue}-dlq has no index by fingerprint: groups of its dead letters are counted slowly`;
      checkResults.push(warning(message, remedy, runStatement(remedy)));
    }
    const [waiting, dead] = [contentOf(state), contentOf(deadLetters)];
    return [
      ...checkResults,
      ...(waiting === undefined ? [] : [judgeBacklog(queue, waiting)]),
      ...(dead === undefined ? [] : judgeDeadLetters(queue, dead)),
    ];
  });
}

function asMade(queue: string): State {
  const isOfDeadLetters = queue.endsWith("-dlq");
  const table = `pgmq.${escapeIdentifier(`q_${queue}`)}`;
  const isWhole = { exists: true, tuned: true, hasTimeIndex: true, hasFingerprintIndex: true };
  return { table, isOfDeadLetters, ...isWhole };
}

/** One for each queue, in their order. */
async function readStates(
  client: ClientBase,
  queues: readonly string[],
): Promise<readonly State[]> {
  const { rows } = await client.query<State>(
    `select format('pgmq.%I', t.name) as table, t.queue like '%-dlq' as "isOfDeadLetters",
            c.oid is not null as exists,
            coalesce('autovacuum_vacuum_scale_factor=0' = any (c.reloptions), false) as tuned,
            to_regclass(format('pgmq.%I', t.name || '_enqueued_at_idx')) is not null as "hasTimeIndex",
            to_regclass(format('pgmq.%I', t.name || '_fingerprint_idx')) is not null as "hasFingerprintIndex"
       from (select w.place, w.queue, pgmq.format_table_name(w.queue, 'q') as name
               from unnest($1::text[]) with ordinality as w (queue, place)) t
       left join pg_class c on c.oid = to_regclass(format('pgmq.%I', t.name))
      order by t.place`,
    [queues],
  );
  return rows;
}

interface Content {
  readonly table: string;
  readonly count: number;
  /** Of the message with the lowest id; null for dead letters. */
  readonly ageS: number | null;
  /** Of dead letters, which have an index by time; null for a queue, which has none. */
  readonly oldest: Date | null;
}

/** One round trip for all of them. */
async function readContents(
  client: ClientBase,
  states: readonly State[],
): Promise<readonly Content[]> {
  if (states.length === 0) return [];
  const each = states.map(({ table, isOfDeadLetters }) => {
    const age = `(select extract(epoch from clock_timestamp() - q.enqueued_at)::integer from ${table} q order by q.msg_id limit 1)`;
    const oldest = `(select min(q.enqueued_at) from ${table} q)`;
    return `select ${escapeLiteral(table)} as table,
            (select count(*)::integer from (select from ${table} limit ${countAtMost}) q) as count,
            ${isOfDeadLetters ? "null::integer" : age} as "ageS",
            ${isOfDeadLetters ? oldest : "null::timestamptz"} as oldest`;
  });
  const { rows } = await client.query<Content>(each.join("\nunion all\n"));
  return rows;
}

function judgeBacklog(queue: string, { count, ageS }: Content): CheckResult {
  if (ageS === null) return ok(`${queue} is empty`);
  const waiting = `${queue}: ${countOf(count, "message")} in it, the oldest since ${ageS} s`;
  if (ageS <= longestWaitS) return ok(waiting);
  return warning(waiting, "see that a consumer runs: its /readyz says what it waits for");
}

function judgeDeadLetters(queue: string, { count, oldest }: Content): readonly CheckResult[] {
  if (oldest === null) return [];
  const message = `${queue}-dlq: ${countOf(count, "dead letter")} in it, the oldest of ${oldest.toISOString()}`;
  const remedy =
    "see why: centralcloud dlq groups; then replay or discard them " +
    "(see docs/operate/dead-letters.md)";
  return [warning(message, remedy)];
}

function countOf(count: number, noun: string): string {
  const number = count < countAtMost ? String(count) : `${count} or more`;
  return `${number} ${noun}${count === 1 ? "" : "s"}`;
}
