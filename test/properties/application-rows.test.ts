import fc from "fast-check";
import { expect, test } from "vitest";
import { drainAll } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { runEveryJob } from "../support/jobs.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";
import { addNewKey } from "../support/session-keys.ts";

const system = useSystem();
const members = useMembers(system, { application: "centralcloud_application" });
failOnLeaks(system);
/** As a login of the application's. */
const write = (text: string, values?: unknown[]) =>
  members.application.singularity.pool.query(text, values);

const anyText = fc
  .string({ unit: "grapheme", maxLength: 30 })
  .map((text) => text.replaceAll("\0", ""));
const anyNumber = fc.oneof(
  fc.constantFrom("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "0", "0.5", "1"),
  fc.double({ noDefaultInfinity: true, noNaN: true }).map(String),
);
const anyTime = fc.constantFrom(
  "infinity",
  "-infinity",
  "294276-12-31",
  "4714-11-24 BC",
  "2025-10-25",
  "now",
);
const anyAgent = fc.oneof(anyText, fc.constantFrom("a".repeat(10_000), "", "\u202e", "agent-1"));
const anyWrite = fc.oneof(
  fc.tuple(
    fc.constant(
      "insert into analysis_results (agent_id, result, confidence, learned, learned_at, created_at) values ($1, $2, $3, $4, $5, $5)",
    ),
    fc.tuple(
      anyAgent,
      fc.json({ maxDepth: 4 }).map((text) => text.replaceAll("\\u0000", "")),
      anyNumber,
      fc.boolean(),
      anyTime,
    ),
  ),
  fc.tuple(
    fc.constant(
      "insert into agent_sessions (agent_id, state, confidence, last_synced_at, unsynced) values ($1, $2, $3, $4, $5)",
    ),
    fc.tuple(
      anyAgent,
      fc.json({ maxDepth: 3 }).map((text) => text.replaceAll("\\u0000", "")),
      anyNumber,
      anyTime,
      fc.boolean(),
    ),
  ),
  fc.tuple(
    fc.constant(
      `insert into agents (agent_id, capacity, pattern_count, confidence, knowledge_unsynced, knowledge_synced_at, knowledge_updated_at)
       values ($1, $2, $3, $4, $5, $6, $6)`,
    ),
    fc.tuple(anyAgent, fc.integer(), fc.integer(), anyNumber, fc.boolean(), anyTime),
  ),
  fc.tuple(
    fc.constant(
      "insert into agent_tasks (agent_id, duration_ms, status, created_at, completed_at) values ($1, $2, 'completed', $3, $3)",
    ),
    fc.tuple(anyAgent, anyNumber, anyTime),
  ),
  fc.tuple(
    fc.constant(
      "insert into pending_tasks (agent_id, priority, created_at, assigned_to) values ($1, $2, $3, $1)",
    ),
    fc.tuple(anyAgent, fc.integer(), anyTime),
  ),
  fc.tuple(
    fc.constant("update agents set knowledge_unsynced = true, knowledge_synced_at = $1"),
    fc.tuple(anyTime),
  ),
  fc.tuple(
    fc.constant("update agent_sessions set last_synced_at = $1, unsynced = true"),
    fc.tuple(anyTime),
  ),
);

/** A row of this agent is refused by a trigger of the source's owner, where and with which code is drawn at random. */
const refused = "refused-by-a-trigger";
const anyRefusal = fc.record({
  table: fc.constantFrom(
    "learned_patterns",
    'pgmq."q_centralcloud-new-patterns"',
    'pgmq."q_agent-sessions"',
  ),
  code: fc.constantFrom("42501", "42P01", "55000", "XX000", "P0004", "23514", "22000", "40001"),
});

async function refuse({ table, code }: { table: string; code: string }): Promise<void> {
  const agent = table.startsWith("pgmq") ? "new.message ->> 'agent_id'" : "new.agent_id";
  await system.singularity.pool.query(`
    delete from analysis_results where agent_id = '${refused}';
    delete from learned_patterns where agent_id = '${refused}';
    delete from agent_sessions where agent_id = '${refused}';
    drop trigger if exists refuses on learned_patterns;
    drop trigger if exists refuses on pgmq."q_centralcloud-new-patterns";
    drop trigger if exists refuses on pgmq."q_agent-sessions";
    create or replace function refuse_one() returns trigger language plpgsql as $$
    begin
      if ${agent} = '${refused}' then raise exception 'refused' using errcode = '${code}'; end if;
      return new;
    end $$;
    create trigger refuses before insert on ${table} for each row execute function refuse_one()`);
}

test("whatever an application writes, the jobs succeed and deliver all that is good", async () => {
  const key = await addNewKey(system.singularity, "key-of-all", { activate: true });
  let round = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyWrite, { minLength: 1, maxLength: 12 }),
      anyRefusal,
      async (writes, refusal) => {
        round += 1;
        const good = `good-${round}`;
        await refuse(refusal);
        await write("insert into analysis_results (agent_id, result) values ($1, '{}')", [refused]);
        await write("insert into agent_sessions (agent_id) values ($1)", [refused]).catch(() => {});
        // What a constraint refuses is the application's own affair.
        for (const [text, values] of writes) await write(text, [...values]).catch(() => {});
        await write("insert into analysis_results (agent_id, result) values ($1, '{}')", [good]);
        await write("insert into agent_sessions (agent_id) values ($1)", [good]);
        await runEveryJob(system.singularity);
        await drainAll(system, { sessionKeys: [key] });
        const { rows } = await system.central.pool.query(
          `select exists (select from central.pattern_agents where agent_id = $1) as pattern,
                exists (select from central.agent_sessions where agent_id = $1) as session,
                exists (select from central.agent_knowledge where agent_id = $1) as knowledge`,
          [good],
        );
        expect(rows).toEqual([{ pattern: true, session: true, knowledge: true }]);
      },
    ),
    { numRuns: 15 },
  );
}, 300_000);
