import { Pgmq } from "pgmq-js";
import { expect, test } from "vitest";
import { Link } from "../../tools/chaos/proxy/link.ts";
import { environmentOf, runCommandAlone, startCommand } from "../support/command.ts";
import { archivedIn, deadLettersOf, queuesOf } from "../support/consumer.ts";
import { createTestDatabase, dropTestDatabase, useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const patterns = "centralcloud-new-patterns";

test("what an independent pgmq client sent to the three queues is merged and archived", async () => {
  const { hostname, port, username, password, pathname } = new URL(system.singularity.url);
  const independent = await Pgmq.new(
    {
      host: hostname,
      port: Number(port),
      user: username,
      password,
      database: pathname.slice(1),
      ssl: false,
    },
    { skipExtensionCreation: true },
  );
  await independent.msg.sendBatch(
    patterns,
    Array.from({ length: 40 }, () => JSON.parse(patternMessage()) as object),
  );
  for (let session = 0; session < 10; session++) {
    await independent.msg.send("agent-sessions", {
      agent_id: session,
      session_id: `session-${session % 5}`,
      session_state: { step: session },
      synced_at: new Date(session * 1000).toISOString(),
    });
  }
  await independent.msg.send("agent-knowledge-updates", {
    agents_updated: 1,
    total_patterns: 40,
    updated_at: new Date().toISOString(),
    agents: [{ agent_id: "agent-1", pattern_count: 40, confidence: 0.9 }],
  });
  await independent.msg.send("agent-knowledge-updates", { nonsense: true });
  await independent.close();

  const { exitCode, stdout } = await runCommandAlone(["drain"], environmentOf(system));
  expect(exitCode).toBe(0);
  const report = JSON.parse(stdout) as Record<string, number>;
  expect(report).toEqual({
    processed: 51,
    duplicates: 0,
    deadLettered: 1,
    released: 0,
    elapsedMs: expect.any(Number),
    perSecond: expect.any(Number),
  });
  expect(await archivedIn(system, patterns)).toBe(40);
  expect(await archivedIn(system, "agent-sessions")).toBe(10);
  expect(await archivedIn(system, "agent-knowledge-updates")).toBe(1);
  expect(await deadLettersOf(system, "agent-knowledge-updates")).toHaveLength(1);
  const { rows } = await system.central.pool.query(
    `select (select sum(observation_count)::integer from central.patterns) as patterns,
            (select array_agg(session_state ->> 'step' order by session_id) from central.agent_sessions) as steps,
            (select pattern_count::integer from central.agent_knowledge) as known`,
  );
  expect(rows).toEqual([{ patterns: 40, steps: ["5", "6", "7", "8", "9"], known: 40 }]);
});

test("a drain that was killed in the middle, run again, loses nothing and counts nothing twice", async () => {
  const total = 20_000;
  const { rows: before } = await system.central.pool.query(
    "select coalesce(sum(observation_count), 0)::integer as count from central.patterns",
  );
  const archivedBefore = await archivedIn(system, patterns);
  await system.singularity.pool.query(
    `select count(*) from pgmq.send_batch($1, (
       select array_agg(jsonb_build_object('agent_id', 'agent-' || i % 7, 'confidence', 0.1 * (i % 10),
              'pattern', jsonb_build_object('killed', i % 3000), 'learned_at', clock_timestamp()))
         from generate_series(1, $2) i))`,
    [patterns, total],
  );
  // A short lease, so that the second run need not wait half a minute for what the first one held.
  const environment = { ...environmentOf(system), CONSUMER_VISIBILITY_TIMEOUT_S: "2" };
  const first = startCommand(["drain"], environment);
  await until("the first messages are archived", async () => {
    return (await archivedIn(system, patterns)) > archivedBefore;
  });
  first.child.kill("SIGKILL");
  expect((await first.finished).exitCode).toBeNull();
  expect(await queuesOf(system).isEmpty(patterns)).toBe(false);

  const second = await runCommandAlone(["drain"], environment);
  expect(second.exitCode).toBe(0);
  expect(await archivedIn(system, patterns)).toBe(archivedBefore + total);
  const { rows: after } = await system.central.pool.query(
    `select sum(observation_count)::integer as count,
            (select sum(observation_count)::integer from central.pattern_agents) as by_agents
       from central.patterns`,
  );
  const expected = before[0].count + total;
  expect(after).toEqual([{ count: expected, by_agents: expected }]);
});

test("a drain that can't finish in time says what it did and fails", async () => {
  await system.singularity.pool.query("select pgmq.send($1, $2::jsonb, 60)", [
    patterns,
    patternMessage(),
  ]);
  const { exitCode, stdout, stderr } = await runCommandAlone(
    ["drain", "--timeout", "1"],
    environmentOf(system),
  );
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ processed: 0 });
  expect(stderr).toContain("not empty after 1 seconds");
  await queuesOf(system).purge(patterns);
});

test("a drain that is interrupted releases what it holds, and says what it did", async () => {
  await system.singularity.pool.query("select pgmq.send($1, '{}'::jsonb, 60)", [patterns]);
  const { child, finished } = startCommand(["drain"], environmentOf(system));
  await until("it consumes", async () => {
    const { rows } = await system.singularity.pool.query(
      "select from pg_stat_activity where datname = $1 and application_name = 'centralcloud-listener'",
      [system.singularity.name],
    );
    return rows.length > 0;
  });
  child.kill("SIGINT");
  const { exitCode, stdout } = await finished;
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ processed: 0, released: 0 });
  await queuesOf(system).purge(patterns);
});

test("a drain of databases that are not migrated fails at once, and says what to run", async () => {
  const swapped = { ...environmentOf(system), SOURCE_DATABASE_URLS: system.central.url };
  const source = await runCommandAlone(["drain"], swapped);
  expect({ ...source, stderr: "" }).toEqual({ exitCode: 1, stdout: "", stderr: "" });
  expect(source.stderr).toContain("run `centralcloud migrate --only singularity`");
  const central = await runCommandAlone(["drain"], {
    ...environmentOf(system),
    CENTRAL_DATABASE_URL: system.singularity.url,
  });
  expect(central.exitCode).toBe(1);
  expect(central.stderr).toContain("run `centralcloud migrate --only central`");
});

test("a drain drains all others beside a source that does not answer, then ends after --answer-timeout and names it", async () => {
  const silent = await createTestDatabase("source");
  const link = new Link(() => Number(new URL(silent.url).port));
  const through = new URL(silent.url);
  through.hostname = "127.0.0.1";
  through.port = String(await link.open());
  const environment = {
    ...environmentOf(system),
    SOURCE_DATABASE_URLS: `${through.href} ${system.singularity.url}`,
    // What the silent source holds is released when its lease ends: nothing is to be waited for at the end.
    CONSUMER_SHUTDOWN_GRACE_S: "1",
  };
  const before = await archivedIn(system, patterns);
  try {
    await silent.pool.query("select pgmq.send($1, '{}'::jsonb, 600)", [patterns]);
    const { finished, errors } = startCommand(["drain", "--answer-timeout", "3s"], environment);
    await until("it consumes that source", () => errors().includes(`source ${silent.name}`));
    link.change({ kind: "silent" });
    await queuesOf(system).send(patterns, patternMessage());
    const { exitCode, stdout, stderr } = await finished;
    expect(exitCode, stderr).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ processed: 1 });
    expect(stderr).toMatch(new RegExp(`^centralcloud: \\S*${silent.name} can't be reached: `, "m"));
    expect(stderr).not.toContain(`centralcloud: ${system.singularity.name}`);
    expect(await archivedIn(system, patterns)).toBe(before + 1);
  } finally {
    await link.close();
    await dropTestDatabase(silent);
  }
  // A query that is not answered is given up after 30 seconds, and only then does --answer-timeout begin.
}, 120_000);

test("a drain that waits for messages which nobody can read yet says whose they are, and until when", async () => {
  await system.singularity.pool.query("select pgmq.send($1, $2::jsonb, 3600)", [
    patterns,
    patternMessage(),
  ]);
  const { child, finished, errors } = startCommand(["drain"], environmentOf(system));
  const { name } = system.singularity;
  const told = new RegExp(
    `^waiting for ${name}: ${patterns} has messages that another consumer holds or that are delayed, the next of them from \\d{4}-`,
    "m",
  );
  await until("it says so", () => told.test(errors()), 30_000);
  await queuesOf(system).purge(patterns);
  const { exitCode } = await finished;
  expect(exitCode).toBe(0);
  child.kill();
});
