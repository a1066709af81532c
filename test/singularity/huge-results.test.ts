import { beforeEach, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { runEveryJob } from "../support/jobs.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";

/* Analysis results near what PostgreSQL can hold in one value: hundreds of megabytes, which take seconds each. */

const system = useSystem();
const members = useMembers(system, { application: "centralcloud_application" });
failOnLeaks(system);
const query = async (text: string) => (await system.singularity.pool.query(text)).rows;
/** As a login of the application's. */
const write = (text: string) => members.application.singularity.pool.query(text);
const runJobs = () => runEveryJob(system.singularity);
const good = () =>
  write(
    "insert into analysis_results (agent_id, result) select 'good', jsonb_build_object('n', i) from generate_series(1, 20) i",
  );
const queuedOfGood = async () =>
  (
    await query(
      `select count(*)::integer from pgmq."q_centralcloud-new-patterns" where message ->> 'agent_id' = 'good'`,
    )
  )[0]?.count;

beforeEach(() =>
  query(
    `truncate analysis_results, learned_patterns, agents, pgmq."q_centralcloud-new-patterns", pgmq."q_agent-knowledge-updates"`,
  ),
);

test("that are too large to be sent together go one by one", async () => {
  await write(
    `insert into analysis_results (agent_id, result)
     select 'large', jsonb_build_object('n', i, 'text', repeat('x', 230000000)) from generate_series(1, 5) i`,
  );
  await good();
  await runJobs();
  expect(await queuedOfGood()).toBe(20);
  expect(await query("select count(*)::integer, min(sync_error) from learned_patterns")).toEqual([
    { count: 25, min: null },
  ]);
}, 240_000);

test("whose text is larger than PostgreSQL can make one hold up no other", async () => {
  // Each of these characters is six in JSON's text.
  await write(
    `insert into analysis_results (agent_id, result)
     values ('large', jsonb_build_object('text', repeat(chr(1), 200000000)))`,
  );
  await good();
  await runJobs();
  expect(await queuedOfGood()).toBe(20);
}, 240_000);
