import { beforeEach, expect, test } from "vitest";
import { drainAll } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

const system = useSystem();
failOnLeaks(system);
const queue = "agent-knowledge-updates";
const db = () => system.singularity.pool;

beforeEach(() =>
  db().query(`truncate learned_patterns, agents restart identity; truncate pgmq."q_${queue}"`),
);

async function update(): Promise<{ agents_updated: number; total_patterns: number }> {
  return (await db().query("select * from update_agent_knowledge()")).rows[0];
}

test("with nothing learned, nothing is updated and nothing queued", async () => {
  await db().query("insert into agents (agent_id) values ('idle')");
  expect(await update()).toEqual({ agents_updated: 0, total_patterns: 0 });
  const { rows } = await db().query(`select * from pgmq."q_${queue}"`);
  expect(rows).toEqual([]);
});

test("the last 24 hours count, per agent, with their mean confidence", async () => {
  await db().query(
    `insert into agents (agent_id) values ('a');
     insert into learned_patterns (agent_id, pattern, confidence, learned_at) values
       ('a', '{"n":1}', 0.5, now()),
       ('a', '{"n":2}', 1, now() - interval '23 hours'),
       ('a', '{"n":3}', 0, now() - interval '25 hours'),
       ('new', '{"n":4}', 0.25, now())`,
  );
  expect(await update()).toEqual({ agents_updated: 2, total_patterns: 3 });
  const { rows } = await db().query(
    `select agent_id, pattern_count, confidence::text, knowledge_unsynced,
            jsonb_path_query_array(known_patterns, '$[*].pattern.n') as known from agents order by 1`,
  );
  expect(rows).toEqual([
    {
      agent_id: "a",
      pattern_count: 2,
      confidence: "0.75",
      knowledge_unsynced: false,
      known: [2, 1],
    },
    {
      agent_id: "new",
      pattern_count: 1,
      confidence: "0.25",
      knowledge_unsynced: false,
      known: [4],
    },
  ]);
});

test("known patterns are the most confident, at most 100, and the count says how many there are", async () => {
  await db().query(
    `insert into learned_patterns (agent_id, pattern, confidence)
     select 'a', jsonb_build_object('n', i), i / 1000.0 from generate_series(1, 150) i`,
  );
  expect(await update()).toEqual({ agents_updated: 1, total_patterns: 150 });
  const { rows } = await db().query(
    `select pattern_count, jsonb_array_length(known_patterns) as kept,
            known_patterns #> '{0,pattern,n}' as first, known_patterns #> '{99,pattern,n}' as last from agents`,
  );
  expect(rows).toEqual([{ pattern_count: 150, kept: 100, first: 150, last: 51 }]);
});

test("large patterns do not make an agent's row large", async () => {
  await db().query(
    `insert into learned_patterns (agent_id, pattern, confidence)
     select 'a', jsonb_build_object('n', i, 'text', repeat('x', 50000)), 0.5 from generate_series(1, 20) i`,
  );
  expect(await update()).toEqual({ agents_updated: 1, total_patterns: 20 });
  const { rows } = await db().query(
    "select octet_length(known_patterns::text) < 300000 as bounded, jsonb_array_length(known_patterns) as kept from agents",
  );
  expect(rows).toEqual([{ bounded: true, kept: 5 }]);
});

test("many agents are summed up in several messages of one summary, none too large to be accepted", async () => {
  await db().query(
    `insert into learned_patterns (agent_id, pattern, confidence)
     select 'agent-' || i, '{}', 0.5 from generate_series(1, 4500) i`,
  );
  expect(await update()).toEqual({ agents_updated: 4500, total_patterns: 4500 });
  const { report } = await drainAll(system);
  expect(report).toMatchObject({ processed: 3, deadLettered: 0 });
  const { rows } = await system.central.pool.query(
    `select (select count(*)::integer from central.agent_knowledge) as agents,
            array(select row(agents_updated, total_patterns)::text from central.knowledge_summaries) as summaries`,
  );
  expect(rows).toEqual([{ agents: 4500, summaries: ["(4500,4500)"] }]);
});

test("two runs at once follow one another, so the later summary is the newer one", async () => {
  await db().query(
    "insert into learned_patterns (agent_id, pattern, confidence) values ('a', '{}', 0.5)",
  );
  await Promise.all([update(), update(), update()]);
  const { rows } = await db().query(
    `select array_agg(msg_id order by (message ->> 'updated_at')::timestamptz) = array_agg(msg_id order by msg_id) as ordered,
            count(distinct message ->> 'updated_at')::integer as times from pgmq."q_${queue}"`,
  );
  expect(rows).toEqual([{ ordered: true, times: 3 }]);
});
