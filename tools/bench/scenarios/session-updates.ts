import type { Contender, Lab, Scenario } from "../scenario.ts";
import type { Database } from "../stage.ts";
import { type Figures, spreadOf } from "../statistics.ts";
import { emptySource } from "../systems/pgmq-source.ts";
import { assertResult } from "../verify.ts";
import { activateBenchKey, stateOf } from "./sessions.ts";

const many = "one update of many";
const single = "updates of one row";

async function updateMany({ pool }: Database, sessions: number): Promise<Figures> {
  const startedAt = performance.now();
  await pool.query(`update agent_sessions set state = state || '{"step": 2}'`);
  const ms = performance.now() - startedAt;
  return { seconds: ms / 1_000, usPerSession: (ms * 1_000) / sessions, sessions };
}

async function updateSingly({ pool }: Database, sessions: number): Promise<Figures> {
  const { rows } = await pool.query<{ id: string }>("select id from agent_sessions order by id");
  const client = await pool.connect();
  const times: number[] = [];
  try {
    for (const [step, { id }] of rows.entries()) {
      const startedAt = performance.now();
      await client.query({
        name: "update",
        text: "update agent_sessions set state = state || jsonb_build_object('step', $2::integer) where id = $1",
        values: [id, step],
      });
      times.push(performance.now() - startedAt);
    }
  } finally {
    client.release();
  }
  return { medianMs: spreadOf(times)?.median ?? Number.NaN, sessions };
}

function contend(
  lab: Lab,
  { name, sessions, update }: { name: string; sessions: number; update: typeof updateMany },
): Contender {
  let template: string | undefined;
  return {
    name,
    detail: `${sessions} sessions, sealed by pgcrypto and queued by the trigger`,
    async prepare() {
      template = await lab.stage.template(
        JSON.stringify({ updated: sessions }),
        await emptySource(lab),
        async ({ pool }) => {
          await activateBenchKey(pool);
          await pool.query("insert into agents (agent_id) values ('agent-1')");
          await pool.query("alter table agent_sessions disable trigger user");
          await pool.query(
            `insert into agent_sessions (agent_id, state)
             select 'agent-1', ${stateOf("i")} from generate_series(1, $1::bigint) i`,
            [sessions],
          );
          await pool.query("alter table agent_sessions enable trigger user");
        },
      );
    },
    async run() {
      if (template === undefined) throw new Error("not prepared");
      const source = await lab.stage.clone(template);
      try {
        const figures = await update(source, sessions);
        const { rows } = await source.pool.query(
          `select (select count(*) from agent_sessions where not unsynced)::integer as synced,
                  (select count(*) from pgmq."q_agent-sessions")::integer as queued`,
        );
        assertResult(name, { synced: sessions, queued: sessions }, { ...(rows[0] as object) });
        return figures;
      } finally {
        await lab.stage.drop(source);
      }
    },
  };
}

/** What it costs an application that its sessions are sealed and queued. */
export const sessionUpdates: Scenario = {
  name: "session-updates",
  title: "Updates of sessions by an application, sealed and queued in its transaction",
  plan(lab) {
    const { together, singly } = lab.sizes.sessionUpdates;
    return {
      contenders: [
        contend(lab, { name: many, sessions: together, update: updateMany }),
        contend(lab, { name: single, sessions: singly, update: updateSingly }),
      ],
      columns: [
        { figure: "seconds", heading: "seconds", digits: 2 },
        { figure: "usPerSession", heading: "µs a session" },
        { figure: "medianMs", heading: "median ms", digits: 3 },
        { figure: "sessions", heading: "of" },
      ],
      goals: [
        {
          what: "one update of all sessions (s)",
          contender: many,
          figure: "seconds",
          atMost: 1.5,
        },
        { what: "one row, with its commit (ms)", contender: single, figure: "medianMs" },
      ],
    };
  },
};
