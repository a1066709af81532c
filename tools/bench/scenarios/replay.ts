import { replayArchive, replayDeadLetters } from "@centralcloud/dead-letters";
import { queue } from "../backlog.ts";
import type { Contender, Lab, Scenario } from "../scenario.ts";
import type { Database } from "../stage.ts";
import { emptySource } from "../systems/pgmq-source.ts";
import { assertResult } from "../verify.ts";

const request = { actor: "bench", reason: "how fast it is" };

interface Kind {
  readonly name: string;
  readonly detail: string;
  /** SQL that makes messages 1 to $1. */
  readonly fill: string;
  /** @returns how many went back to their queue. */
  replay(source: Database, central: Database): Promise<number>;
}

async function scopeOf({ pool }: Database) {
  const { rows } = await pool.query<{ sourceId: string; name: string }>(
    `select source_id as "sourceId", name from singularity_source`,
  );
  const [found] = rows;
  if (found === undefined) throw new Error("the source has no identity");
  return { sources: [{ ...found, pool }], queues: [queue] as const };
}

const kinds: readonly Kind[] = [
  {
    name: "dead letters",
    detail: "replayed as by `dlq replay --all`, without --rate",
    fill: `
      insert into pgmq."q_${queue}-dlq" (vt, enqueued_at, message)
      select clock_timestamp(), clock_timestamp() - interval '1 minute' + i * interval '1 microsecond',
             jsonb_build_object(
               'original_message', bench.message(i, 420, ''), 'original_message_id', i,
               'original_enqueued_at', '2025-10-25T10:00:00.123456+00:00',
               'original_headers', jsonb_build_object('schema', 'pattern/1'), 'queue', '${queue}',
               'read_count', 1, 'reason', 'rejected',
               'error', jsonb_build_object('code', '23514', 'message', 'a constraint'), 'attempts', '[]'::jsonb,
               'dead_lettered_at', clock_timestamp())
        from generate_series(1, $1::bigint) i`,
    async replay(source, central) {
      const judge = { maxMessageBytes: 1_048_576, requireSealed: false };
      const options = { central: central.pool, request, all: true, judge };
      return (await replayDeadLetters(await scopeOf(source), {}, options)).replayed;
    },
  },
  {
    name: "archive",
    detail: "moved back as by `replay-archive --all`, without --rate",
    fill: `
      with queued as (
        select setval(pg_get_serial_sequence('pgmq."q_${queue}"', 'msg_id'), $1::bigint)
      )
      insert into pgmq."a_${queue}" (msg_id, read_ct, enqueued_at, archived_at, vt, message)
      select i, 1, t.at, t.at, t.at, bench.message(i, 420, '')
        from generate_series(1, $1::bigint) i
       cross join lateral (select timestamptz '2026-01-01 00:00:00Z' + i * interval '1 millisecond' - interval '1 year' as at) t
       where exists (select from queued)`,
    async replay(source, central) {
      const options = { central: central.pool, request, all: true };
      return (await replayArchive(await scopeOf(source), {}, options)).requeued;
    },
  },
];

function contend(lab: Lab, { name, detail, fill, replay }: Kind): Contender {
  const messages = lab.sizes.replay;
  let template: string | undefined;
  return {
    name,
    detail,
    async prepare() {
      template = await lab.stage.template(
        JSON.stringify({ replay: name, messages }),
        await emptySource(lab),
        async ({ pool }) => {
          await pool.query(fill, [messages]);
        },
      );
    },
    async run() {
      if (template === undefined) throw new Error("not prepared");
      const source = await lab.stage.clone(template);
      const central = await lab.stage.clone(await lab.stage.base("central"));
      try {
        const startedAt = performance.now();
        const replayed = await replay(source, central);
        const ms = performance.now() - startedAt;
        const { rows } = await source.pool.query<{ count: number }>(
          `select count(*)::integer as count from pgmq."q_${queue}"`,
        );
        assertResult(name, [messages, messages], [replayed, rows[0]?.count]);
        return { perSecond: messages / (ms / 1_000), messages };
      } finally {
        await lab.stage.drop(source, central);
      }
    },
  };
}

/** How fast an operator gets messages back to their queue. */
export const replay: Scenario = {
  name: "replay",
  title: "Replay of dead letters and of archives, 0.4 kB messages",
  plan: (lab) => ({
    contenders: kinds.map((kind) => contend(lab, kind)),
    columns: [
      { figure: "perSecond", heading: "messages/s" },
      { figure: "messages", heading: "of" },
    ],
    goals: kinds.map(({ name }) => ({
      what: `${name} a second`,
      contender: name,
      figure: "perSecond",
      atLeast: 5_000,
    })),
  }),
};
