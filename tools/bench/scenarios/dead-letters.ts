import { groupDeadLetters, listDeadLetters } from "@centralcloud/dead-letters";
import { queue } from "../backlog.ts";
import type { Contender, Lab, Scenario } from "../scenario.ts";
import type { Database } from "../stage.ts";
import { emptySource } from "../systems/pgmq-source.ts";
import { assertResult } from "../verify.ts";

/* How long whoever looks at a million dead letters waits: for the first page, for one in the middle, and for the groups. */

/** Dead letters of the whole bench; multiplied by --scale. */
const wholeCount = 1_000_000;
const quickCount = 2_000;
/** Dead letters of a page, as `dlq list` shows them. */
const pageSize = 50;
/** As `dlq groups` shows them. */
const groupLimit = 50;
/** Of so many kinds are they, by reason, code and the words of the error without values. */
const kinds = 40;

/** SQL that makes dead letters 1 to $1, each of one of $2 kinds, a quarter of all within the last hour. */
const fill = `
  insert into pgmq."q_${queue}-dlq" (vt, enqueued_at, message)
  select clock_timestamp(),
         clock_timestamp() - case when i % 4 = 0 then interval '1 hour' else interval '7 days' end
           * (1 - i / ($1::double precision + 1)),
         jsonb_build_object(
           'original_message', bench.message(i, 420, ''), 'original_message_id', i,
           'original_enqueued_at', '2025-10-25T10:00:00.123456+00:00',
           'original_headers', jsonb_build_object('schema', 'pattern/1'), 'queue', '${queue}',
           'read_count', 1, 'reason', case when i % 3 = 0 then 'rejected' else 'invalid' end,
           'error', case
             when i % 3 = 0 then jsonb_build_object(
               'code', '23514', 'message', 'new row violates check constraint "' || chr((97 + i % $2 % 20)::integer) || '"')
             else jsonb_build_object(
               'code', 'out_of_range', 'message', 'confidence must be between 0 and 1',
               'issues', jsonb_build_array(jsonb_build_object(
                 'path', 'pattern.field_' || i % $2, 'code', 'out_of_range', 'message', 'too large'))) end,
           'attempts', '[]'::jsonb, 'dead_lettered_at', clock_timestamp())
    from generate_series(1, $1::bigint) i`;

interface Question {
  readonly name: string;
  readonly detail: string;
  /** @returns what it has found, to be compared with what must be found. */
  ask(source: Database): Promise<{ readonly found: number; readonly least: number }>;
  /** Milliseconds at most, of a million dead letters on a machine that has nothing else to do. */
  readonly goalMs?: number;
}

const questions: readonly Question[] = [
  {
    name: "first page",
    detail: "as by `dlq list`",
    goalMs: 300,
    async ask(source) {
      const { deadLetters, next } = await listDeadLetters(
        await scopeOf(source),
        {},
        { limit: pageSize },
      );
      assertResult("another page", true, next !== null);
      return { found: deadLetters.length, least: pageSize };
    },
  },
  {
    name: "page after a week's half",
    detail: "as by `dlq list --until` and its first page",
    goalMs: 300,
    async ask(source) {
      const filter = { until: { secondsAgo: 3.5 * 86_400 } };
      const page = { limit: pageSize };
      const { deadLetters } = await listDeadLetters(await scopeOf(source), filter, page);
      return { found: deadLetters.length, least: pageSize };
    },
  },
  {
    name: "groups",
    detail: "as by `dlq groups`, without a sample's check result",
    goalMs: 1_000,
    async ask(source) {
      const options = { limit: groupLimit };
      const { groups } = await groupDeadLetters(await scopeOf(source), {}, options);
      return { found: groups.length, least: 2 };
    },
  },
  {
    name: "groups with check results",
    detail: "as by `dlq groups`: the contract judges a sample of each",
    async ask(source) {
      const judge = { maxMessageBytes: 1_048_576, requireSealed: false };
      const options = { limit: groupLimit, judge };
      const { groups } = await groupDeadLetters(await scopeOf(source), {}, options);
      return { found: groups.length, least: 2 };
    },
  },
];

async function scopeOf({ pool }: Database) {
  const { rows } = await pool.query<{ sourceId: string; name: string }>(
    `select source_id as "sourceId", name from singularity_source`,
  );
  const [found] = rows;
  if (found === undefined) throw new Error("the source has no identity");
  return { sources: [{ ...found, pool }], queues: [queue] as const };
}

function countOf({ options: { quick, scale } }: Lab): number {
  return quick ? quickCount : Math.max(quickCount, Math.round(wholeCount * scale));
}

function contend(lab: Lab, { name, detail, ask }: Question): Contender {
  const count = countOf(lab);
  let template: string | undefined;
  return {
    name,
    detail,
    async prepare() {
      // One template for all questions: the stage builds it when it is first asked for.
      template = await lab.stage.template(
        JSON.stringify({ deadLetters: count }),
        await emptySource(lab),
        async ({ pool }) => void (await pool.query(fill, [count, kinds])),
      );
    },
    async run() {
      if (template === undefined) throw new Error("not prepared");
      const source = await lab.stage.clone(template);
      try {
        // Whoever looks has looked at something of this database before: its catalogs are read.
        await scopeOf(source);
        const startedAt = performance.now();
        const { found, least } = await ask(source);
        const firstMs = performance.now() - startedAt;
        assertResult(`${name}: at least ${least}`, true, found >= least);
        const again = performance.now();
        await ask(source);
        return { firstMs, againMs: performance.now() - again, deadLetters: count };
      } finally {
        await lab.stage.drop(source);
      }
    },
  };
}

/** What it takes to look at many dead letters. */
export const deadLetters: Scenario = {
  name: "dead-letters",
  title: "A million dead letters: the first page and the groups",
  plan: (lab) => ({
    contenders: questions.map((question) => contend(lab, question)),
    columns: [
      { figure: "firstMs", heading: "ms", digits: 1 },
      { figure: "againMs", heading: "ms, again", digits: 1 },
      { figure: "deadLetters", heading: "of" },
    ],
    goals: questions.flatMap(({ name, goalMs }) =>
      goalMs === undefined
        ? []
        : [{ what: `${name}, in ms`, contender: name, figure: "firstMs", atMost: goalMs }],
    ),
    mostRounds: 3,
  }),
};
