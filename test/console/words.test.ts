import { routes } from "@centralcloud/console";
import { expect, test } from "vitest";
import { useConsole } from "../support/console.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { prepareSamples, urlOf } from "./samples.ts";

/* What databases say of themselves may quote a row: no page passes that on. */

const system = useSystem();
failOnLeaks(system);
const consoles = useConsole(system);

const secret = "hidden words";

/** Puts a view in place of a table or materialized view: whoever reads it meets an error that quotes a value. */
async function poison(name: string): Promise<void> {
  const { pool } = system.singularity;
  const { rows } = await pool.query<{ columns: string }>(
    `select string_agg(format('(select %L::text)::%s as %I', $2::text, format_type(a.atttypid, null), a.attname), ', '
                       order by a.attnum) as columns
       from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped`,
    [name, secret],
  );
  const { rows: kinds } = await pool.query<{ kind: string }>(
    "select relkind::text as kind from pg_class where oid = $1::regclass",
    [name],
  );
  const kind = kinds[0]?.kind === "m" ? "materialized view" : "table";
  await pool.query(`alter ${kind} ${name} rename to "${crypto.randomUUID()}"`);
  await pool.query(`create view ${name} as select ${rows[0]?.columns}`);
  await expect(pool.query(`select * from ${name}`)).rejects.toThrow(secret);
}

test("an error that quotes a row says only its code, on every page", async () => {
  const samples = await prepareSamples(system);
  await system.central.pool.query(
    "update central.consumers set readiness = $1, readiness_at = now()",
    [
      {
        ready: false,
        working: false,
        central: { error: `refused "${secret}" (23505)` },
        sources: [
          {
            name: system.singularity.name,
            waitingFor: `invalid input: "${secret}" (22P02)`,
            lanes: [
              {
                queue: "agent-sessions",
                fault: { side: "source", error: `raised "${secret}" (P0001)` },
              },
            ],
          },
        ],
      },
    ],
  );
  for (const name of ["public.agent_performance_5min", "public.job_runs", "public.agent_tasks"]) {
    await poison(name);
  }
  await poison('pgmq."q_centralcloud-new-patterns"');
  await poison('pgmq."a_centralcloud-new-patterns"');
  const browser = await (await consoles.start()).signIn();
  const told: string[] = [];
  // What a look has found is there the second time.
  for (const _ of ["first", "second"]) {
    for (const route of routes.filter(({ kind }) => kind !== "form")) {
      const { text } = await browser.get(urlOf(route, samples));
      expect({ path: route.path, isQuoted: text.includes(secret) }).toEqual({
        path: route.path,
        isQuoted: false,
      });
      if (text.includes("refused by the database")) told.push(route.path);
    }
  }
  for (const path of ["/", "/queues", "/trends", "/consumers/{id}", "/doctor"]) {
    expect(told).toContain(path);
  }
});
