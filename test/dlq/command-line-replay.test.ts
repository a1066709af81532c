import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { environmentOf, startCommand } from "../support/command.ts";
import { harnessName, useSystem } from "../support/databases.ts";
import { deadLetterCommands, why } from "../support/dead-letter-commands.ts";
import { emptyQueues, patterns, putDeadLetter, rowsOf } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dead-letters-"));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => emptyQueues(system));

const { dlq, actions } = deadLetterCommands(system);
const queued = () => rowsOf(system.singularity, `q_${patterns}`);

test("a replay by filter sends, records who and why, and does nothing the second time", async () => {
  for (let count = 0; count < 3; count++) await putDeadLetter(system.singularity);
  await putDeadLetter(system.singularity, { reason: "rejected" });
  const words = ["replay", "--dead-letter-reason", "invalid", "--since", "1h", ...why, "--json"];
  const dryRun = await dlq("replay", "--dead-letter-reason", "invalid", "--dry-run", "--json");
  expect(JSON.parse(dryRun.stdout)).toMatchObject({ dryRun: true, deadLetters: 3 });
  expect(await actions()).toEqual([]);
  const first = await dlq(...words, "--actor", "ann@desk");
  expect(JSON.parse(first.stdout)).toMatchObject({ replayed: 3, remaining: 0 });
  const second = await dlq(...words);
  expect(JSON.parse(second.stdout)).toMatchObject({ replayed: 0 });
  expect(await queued()).toHaveLength(3);
  expect(await actions()).toMatchObject([
    {
      actor: "ann@desk",
      action: "replay",
      reason: "the producer is repaired",
      message_count: 3,
      selection: { reasons: ["invalid"], since: { secondsAgo: 3600 } },
    },
    { actor: expect.stringMatching(/.+@.+/), message_count: 0 },
  ]);
});

test("a replay that Ctrl-C interrupts says how to continue, and the next call does", async () => {
  for (let count = 0; count < 30; count++) await putDeadLetter(system.singularity);
  const { child, finished } = startCommand(
    ["dlq", "replay", "--all", "--rate", "20", ...why],
    environmentOf(system),
  );
  await until("some are sent", async () => (await queued()).length > 0);
  child.kill("SIGINT");
  const { exitCode, stdout, stderr } = await finished;
  expect(exitCode).toBe(1);
  const replayed = Number(/replayed (\d+) dead letters/.exec(stdout)?.[1]);
  expect(replayed).toBe((await queued()).length);
  expect(replayed).toBeLessThan(30);
  const bound = /--until (\S+)/.exec(stderr)?.[1] ?? "";
  const next = await dlq("replay", "--until", bound, ...why);
  expect(next.stdout).toMatch(new RegExp(`^replayed ${30 - replayed} dead letters`));
  expect(await queued()).toHaveLength(30);
});

test("a replay that is killed loses nothing and sends nothing twice, and its action stays visible", async () => {
  await system.singularity.pool.query(
    `insert into pgmq."q_${patterns}-dlq" (vt, message)
     select now(), jsonb_build_object('original_message', i) from generate_series(1, 20000) i`,
  );
  const { child, finished } = startCommand(
    ["dlq", "replay", "--all", ...why],
    environmentOf(system),
  );
  await until("some are sent", async () => (await queued()).length > 0);
  child.kill("SIGKILL");
  await finished;
  const { rows } = await system.central.pool.query(
    "select finished_at from central.operator_actions",
  );
  expect(rows).toEqual([{ finished_at: null }]);
  // Until its server process has noticed, the dead letters of its last transaction are locked, and stepped over.
  await until("its connections have ended", async () => {
    const { rowCount } = await system.singularity.pool.query(
      `select from pg_stat_activity
        where datname = $1 and application_name <> $2 and backend_type = 'client backend'`,
      [system.singularity.name, harnessName],
    );
    return rowCount === 0;
  });
  expect((await dlq("replay", "--all", ...why)).exitCode).toBe(0);
  const sent = (await queued()).map(({ message }) => message);
  expect(sent).toHaveLength(20_000);
  expect(new Set(sent).size).toBe(20_000);
});

test("a replay with an edited message takes one that the contract accepts", async () => {
  const id = await putDeadLetter(system.singularity);
  const [bad, good] = [join(folder, "bad.json"), join(folder, "good.json")];
  await writeFile(bad, patternMessage({ confidence: 7 }));
  await writeFile(good, patternMessage({ confidence: 0.7 }));
  const refused = await dlq("replay", id, "--edit", bad, ...why);
  expect(refused).toMatchObject({ exitCode: 2, stdout: "" });
  expect(refused.stderr).toContain("the edited message: confidence must");
  expect((await dlq("replay", id, "--edit", bad, "--dry-run")).exitCode).toBe(2);
  expect((await dlq("replay", id, "--edit", good, ...why)).exitCode).toBe(0);
  expect((await queued())[0]?.message).toContain('"confidence": 0.7');
});

test("a replay changes nothing when the central database can't be reached, which only counting does without", async () => {
  const id = await putDeadLetter(system.singularity);
  const alone = {
    ...environmentOf(system),
    CENTRAL_DATABASE_URL: "postgres://nobody@127.0.0.1:1/nothing",
  };
  for (const words of [["replay"], ["discard"]]) {
    const { exitCode, stdout } = await runCommand(["dlq", ...words, id, ...why], alone);
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: "" });
  }
  const counted = await runCommand(["dlq", "replay", id, "--dry-run"], alone);
  expect(counted.stdout).toBe("would be replayed: 1 dead letters (nothing was changed)\n");
  expect(await queued()).toEqual([]);
});

test("a replay of one source does without another that is down", async () => {
  await putDeadLetter(system.singularity);
  const urls = `postgres://nobody@127.0.0.1:1/nothing ${system.singularity.url}`;
  const environment = { ...environmentOf(system), SOURCE_DATABASE_URLS: urls };
  const name = system.singularity.name;
  const all = await runCommand(["dlq", "replay", "--all", ...why], environment);
  expect(all.exitCode).toBe(3);
  const other = await runCommand(["dlq", "replay", "--source", "other", ...why], environment);
  expect(other.exitCode).toBe(3);
  const one = await runCommand(["dlq", "replay", "--source", name, ...why], environment);
  expect(one).toMatchObject({ exitCode: 0, stderr: "" });
  expect(await queued()).toHaveLength(1);
});
