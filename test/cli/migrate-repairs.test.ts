import { expect, test } from "vitest";
import { environmentOf, runCommandAlone as runCommand } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

const system = useSystem();
failOnLeaks();

/** What the doctor's check of drift says that is not ok. */
async function drift(): Promise<string[]> {
  const { stdout } = await runCommand(["doctor", "--json"], environmentOf(system));
  const { findings } = JSON.parse(stdout) as {
    findings: { check: string; severity: string; message: string; remedy?: string }[];
  };
  return findings
    .filter(({ check, severity }) => check === "drift" && severity !== "ok")
    .map(({ message, remedy }) => `${message} → ${remedy}`);
}

const migrate = (...words: string[]) => runCommand(["migrate", ...words], environmentOf(system));

test("what was changed by hand is named by the doctor, foretold by --dry-run, and repaired once", async () => {
  await system.central.pool.query(
    `revoke execute on all functions in schema central from centralcloud_consumer;
     drop index central.change_log_committed_at_idx`,
  );
  await system.singularity.pool.query(
    `alter table agent_sessions disable trigger user;
     grant select on session_keys to centralcloud_consumer;
     drop function sync_learning_to_centralcloud;
     alter table pgmq."q_agent-sessions" set unlogged;
     alter table pgmq."q_agent-sessions" set (autovacuum_enabled = off)`,
  );
  const found = await drift();
  expect(found).toEqual(
    expect.arrayContaining([
      "function public.sync_learning_to_centralcloud() is missing → centralcloud migrate --only singularity",
      "centralcloud_consumer has select on table public.session_keys, which was not given → centralcloud migrate --only singularity",
      "the trigger agent_sessions_persist_insert of table public.agent_sessions is disabled → centralcloud migrate --only singularity",
      "table central.change_log lacks the index change_log_committed_at_idx → centralcloud migrate --only central",
    ]),
  );

  const plan = await migrate("--dry-run");
  expect(plan.exitCode).toBe(1);
  expect(plan.stdout).toMatch(/^source \S+: would repair: function public\.sync_learning/m);
  expect(plan.stdout).toMatch(
    /^central \S+: would repair: centralcloud_consumer lacks execute on/m,
  );
  expect(plan.stderr).toContain("nothing was changed");
  expect(await drift()).toEqual(found);

  const { exitCode, stdout, stderr } = await migrate();
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).toMatch(/^source \S+: repaired: the trigger agent_sessions_persist_update of/m);
  expect(stdout).toMatch(/^central \S+: \d+ repaired$/m);
  expect(await drift()).toEqual([]);
  expect((await migrate("--dry-run")).exitCode).toBe(0);
  expect((await migrate()).stdout).toMatch(/^(\S+ \S+: up to date\n){2}$/);

  const { rows } = await system.singularity.pool.query(
    "insert into agent_sessions (agent_id, state) values ('agent-1', '{}') returning id",
  );
  const { rows: state } = await system.singularity.pool.query(
    "select sync_error from agent_sessions where id = $1",
    [rows[0].id],
  );
  expect(state).toEqual([{ sync_error: expect.stringMatching(/key/) }]);
});

test("records of migrations that are lost come back, where everything else is there", async () => {
  await system.central.pool.query("drop schema centralcloud_migrations cascade");
  const { exitCode, stdout } = await migrate("--dry-run", "--only", "central");
  expect(exitCode).toBe(1);
  expect(stdout).toContain("would repair: the record of its migrations is missing");
  expect((await migrate("--only", "central")).exitCode).toBe(0);
  expect((await migrate("--only", "central")).stdout).toMatch(/up to date/);
});

test("what can't be repaired is said with the reason, the rest is repaired, and the exit code is 1", async () => {
  await system.central.pool.query(
    `alter table central.sources alter column name type varchar(80);
     revoke select on central.sources from centralcloud_consumer`,
  );
  const { exitCode, stdout, stderr } = await migrate("--only", "central");
  expect(exitCode).toBe(1);
  expect(stdout).toContain("repaired: centralcloud_consumer lacks select on table central.sources");
  expect(stderr).toMatch(
    /could not be repaired: the column name of table central\.sources .* \(.*data\)/,
  );
  await system.central.pool.query("alter table central.sources alter column name type text");
  expect((await migrate("--only", "central")).stdout).toMatch(/up to date/);
});

test("a database that was never migrated, or is behind, is foretold without a change", async () => {
  await system.central.pool.query("update centralcloud_migrations.objects set checksum = 'older'");
  const behind = await migrate("--dry-run", "--only", "central");
  expect(behind.exitCode).toBe(1);
  expect(behind.stdout).toContain("would apply its functions, views, roles and grants");
  expect((await migrate("--only", "central")).stdout).toMatch(/SQL objects/);
});

test("a database that can't be reached keeps --dry-run from telling of no other", async () => {
  const environment = environmentOf(system);
  const { exitCode, stdout, stderr } = await runCommand(["migrate", "--dry-run"], {
    ...environment,
    SOURCE_DATABASE_URLS: `postgres://u@127.0.0.1:1/gone ${environment.SOURCE_DATABASE_URLS}`,
  });
  expect(exitCode).toBe(3);
  expect(stdout.match(/: up to date$/gm)).toHaveLength(2);
  expect(stderr).toMatch(/source 127.0.0.1:1\/gone can't be reached: .*ECONNREFUSED/);
});
