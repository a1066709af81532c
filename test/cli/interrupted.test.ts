import { describe, expect, onTestFinished, test } from "vitest";
import { environmentOf, startCommand } from "../support/command.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { withSilentServer } from "../support/silent-server.ts";
import { until } from "../support/until.ts";

/* Ctrl-C ends a command that looks at once, no matter what it waits for, and no server works on for it. */

const system = useSystem();
failOnLeaks(system);

/** Commands that look, and what they wait for while a database says nothing. */
const looking = [
  ["queues"],
  ["queues", "peek", "agent-sessions"],
  ["queues", "rates"],
  ["queues", "failures"],
  ["consumers"],
  ["sources", "list"],
  ["jobs"],
  ["jobs", "runs"],
  ["keys", "list"],
  ["dlq", "list"],
  ["dlq", "groups"],
  ["dlq", "count"],
  ["dlq", "show", "1"],
  ["dlq", "replay", "--all", "--dry-run"],
  ["actions", "list"],
  ["actions", "show", "1"],
  ["sessions", "list"],
  ["sessions", "show", "s"],
  ["trace", "--agent", "a"],
  ["cdc", "status"],
  ["cdc", "log"],
  ["cdc", "peek"],
  ["reconcile"],
  ["doctor"],
];

/** Sends SIGINT, and gives what came of it. */
async function interrupt({ child, finished }: ReturnType<typeof startCommand>) {
  const beganAt = performance.now();
  child.kill("SIGINT");
  const { exitCode, stdout, stderr } = await finished;
  const ms = performance.now() - beganAt;
  return { exitCode, stdout, stderr, ms };
}

test.each(looking.map((words) => [words.join(" "), words] as const))(
  "%s, while databases say nothing",
  async (_, words) => {
    await withSilentServer(async (silent) => {
      const command = startCommand(words, {
        ...environmentOf(system),
        SOURCE_DATABASE_URLS: silent.url,
        CENTRAL_DATABASE_URL: silent.url,
      });
      onTestFinished(() => void command.child.kill("SIGKILL"));
      await Promise.race([silent.accepted, command.finished]);
      const { exitCode, stdout, stderr, ms } = await interrupt(command);
      expect({ exitCode, stdout }, stderr).toEqual({ exitCode: 130, stdout: "" });
      expect(stderr).toMatch(/^centralcloud: interrupted; /);
      expect(ms).toBeLessThan(2_000);
    });
  },
);

describe("a statement that waits for a lock", () => {
  test.each([
    [
      "queues peek",
      ["queues", "peek", "agent-sessions", "--timeout", "5m"],
      'pgmq."q_agent-sessions"',
    ],
    ["sessions list", ["sessions", "list", "--timeout", "5m"], "central.agent_sessions"],
  ] as const)("is given up by its server: %s", async (_, words, table) => {
    const { pool } = table.startsWith("pgmq") ? system.singularity : system.central;
    const holder = await pool.connect();
    const waiting = async () => {
      const { rowCount } = await pool.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
            and application_name = 'centralcloud-cli'`,
      );
      return (rowCount ?? 0) > 0;
    };
    try {
      await holder.query(`begin; lock table ${table} in access exclusive mode`);
      const command = startCommand(words, environmentOf(system));
      onTestFinished(() => void command.child.kill("SIGKILL"));
      await until("it waits", waiting);
      expect((await interrupt(command)).exitCode).toBe(130);
      await until("its server has noticed", async () => !(await waiting()), 10_000);
    } finally {
      await holder.query("rollback");
      holder.release();
    }
  });
});
