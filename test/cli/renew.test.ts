import { createConsumer } from "@centralcloud/consumer";
import { QueueClient } from "@centralcloud/queue";
import { describe, expect, test } from "vitest";
import { configurationFor, drainAll } from "../support/consumer.ts";
import type { TestDatabase } from "../support/databases.ts";
import { putDeadLetter } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { both, idOf, patterns, place, send, useCopies } from "../support/source-copies.ts";
import { until } from "../support/until.ts";

const { system, environment, run, copy, list, counted, renew } = useCopies();
failOnLeaks();

describe("renew", () => {
  test("a copy counts nothing of what the original delivers, and everything of its own", async () => {
    await send(system.singularity, "archived before");
    await drainAll(system);
    await send(system.singularity, "merged by the original");
    await send(system.singularity, "waits at the original");
    await send(system.singularity, "dies at the original");
    await new QueueClient(system.singularity.pool).send(`${patterns}-dlq`, "{}");
    const clone = await copy();
    await system.central.pool.query(
      "alter table central.patterns add constraint refused check (pattern ->> 'name' not like 'dies%')",
    );
    // The original continues; one message keeps waiting there.
    await system.singularity.pool.query(
      `update pgmq."q_${patterns}" set vt = now() + interval '1 hour' where message::text like '%waits at%'`,
    );
    const consumer = createConsumer(configurationFor(system), () => {});
    await consumer.start();
    await until(
      "one waits",
      async () => (await new QueueClient(system.singularity.pool).metrics(patterns)).total === 1,
    );
    await consumer.stop();
    await system.central.pool.query("alter table central.patterns drop constraint refused");
    await send(clone, "of the copy");
    await send(system.singularity, "of the original, later");

    const { exitCode, stdout, stderr } = await run(
      ["renew", "--source", place(clone), "--name", "staging", "--json"],
      system.singularity,
      clone,
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      name: "staging",
      copies: 3,
      kept: 1,
      undecided: 0,
      deadLetters: 1,
    });
    expect(report.id).toBe(await idOf(clone));
    expect(report.id).not.toBe(await idOf(system.singularity));

    const drained = await drainAll(system, both(clone));
    expect(drained.report).toMatchObject({ processed: 1, duplicates: 0, deadLettered: 0 });
    // What its archive holds of the original's is not the copy's to send again.
    const replay = await runCommand(
      ["replay-archive", "--all", "--reason", "test", "--json"],
      environment(clone),
    );
    expect(JSON.parse(replay.stdout)).toMatchObject({ requeued: 1 });
    expect((await drainAll(system, both(clone))).report).toMatchObject({
      duplicates: 1,
      processed: 0,
    });
    await system.singularity.pool.query(`update pgmq."q_${patterns}" set vt = now()`);
    await drainAll(system, both(system.singularity, clone));
    expect(await counted()).toEqual({
      "archived before": 1,
      "merged by the original": 1,
      "waits at the original": 1,
      "of the copy": 1,
      "of the original, later": 1,
    });
    expect(await list(system.singularity, clone)).toMatchObject([
      { state: "ok", decision: null },
      { state: "ok", decision: "renewed" },
    ]);
  });

  test("sessions that wait are sent anew, under the new id", async () => {
    await drainAll(system);
    const clone = await copy();
    const { rows } = await clone.pool.query(
      "insert into agent_sessions (agent_id, state) values ('a', '{}') returning id::text",
    );
    await new QueueClient(clone.pool).send(
      "agent-sessions",
      JSON.stringify({
        agent_id: "a",
        session_id: rows[0].id,
        session_state: {},
        synced_at: "2026-01-01",
      }),
    );
    const { exitCode, stdout } = await runCommand(
      ["sources", "renew", place(clone), "--json"],
      environment(system.singularity, clone),
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ resent: 1, kept: 0 });
    const { rows: sessions } = await clone.pool.query("select unsynced from agent_sessions");
    expect(sessions).toEqual([{ unsynced: true }]);
  });

  test("asks when the copy was made where nobody can tell whose the messages are", async () => {
    await drainAll(system);
    await send(system.singularity, "before");
    const clone = await copy();
    const { rows } = await clone.pool.query("select clock_timestamp()::text as at");
    await send(clone, "since");
    const refused = await run(["renew", "--source", place(clone)], clone);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("2 messages wait of which it is not known");
    expect(await idOf(clone)).toBe(await idOf(system.singularity));
    const at = rows[0].at.replace(" ", "T");
    const done = await run(["renew", "--source", place(clone), "--cloned-at", at, "--json"], clone);
    expect(JSON.parse(done.stdout)).toMatchObject({ copies: 1, kept: 1 });
  });

  test("leaves a source alone that has its id rightly", async () => {
    await drainAll(system);
    const { exitCode, stderr } = await run(["renew", "--source", place(system.singularity)]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("is the source that the central store knows by its id");
  });
});

describe("whose a message is", () => {
  /** The ledger has forgotten the rows of all that was merged, and keeps their range. */
  async function forget(): Promise<void> {
    await system.central.pool.query(
      "update central.processed_messages set processed_at = processed_at - interval '2 days'",
    );
    await system.central.pool.query("select central.prune_ledger($1, $2, 1000000)", [
      await idOf(system.singularity),
      patterns,
    ]);
  }

  /** One message of the copy's own, with an id and a time between those that the original has merged and forgotten. */
  async function cloneWithinPruned(): Promise<{ clone: TestDatabase; clonedAt: string }> {
    await send(system.singularity, "before");
    await drainAll(system);
    const clone = await copy();
    const { rows } = await clone.pool.query(
      `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`,
    );
    await send(clone, "of the copy");
    await send(system.singularity, "later");
    await send(system.singularity, "last");
    await drainAll(system);
    await forget();
    return { clone, clonedAt: rows[0].at };
  }
  const merged = { before: 1, last: 1, later: 1, "of the copy": 1 };

  test("is not told by a range of what the ledger has forgotten: the message stays, and is said", async () => {
    const { clone } = await cloneWithinPruned();
    const words = ["renew", "--source", place(clone)];
    const alone = await run(words, clone);
    expect(alone).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("1 messages wait of which it is not known"),
    });
    const { exitCode, stdout } = await run(words, system.singularity, clone);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("archived as copies of the original's: 0 messages");
    expect(stdout).toContain("1 of the messages that stay may be the original's as well");
    expect((await drainAll(system, both(clone))).report.processed).toBe(1);
    expect(await counted()).toEqual(merged);
  });

  test("is told by when the copy was made: what was sent later is its own, whatever the ledger says", async () => {
    const { clone, clonedAt } = await cloneWithinPruned();
    expect(await renew(clone, "--cloned-at", clonedAt)).toMatchObject({
      copies: 0,
      kept: 1,
      undecided: 0,
    });
    await drainAll(system, both(clone));
    expect(await counted()).toEqual(merged);
  });

  test("and a dead letter that the original does not have stays for the copy's operator", async () => {
    await drainAll(system);
    await putDeadLetter(system.singularity);
    const clone = await copy();
    await putDeadLetter(clone);
    const alone = await run(["renew", "--source", place(clone)], clone);
    expect(alone.stderr).toContain("2 messages wait of which it is not known");
    expect(await renew(clone)).toMatchObject({ deadLetters: 1, keptDeadLetters: 1 });
    const { stdout } = await runCommand(["dlq", "list", "--json"], environment(clone));
    expect(JSON.parse(stdout).deadLetters).toHaveLength(1);
  });
});

describe("what the archives of a copy hold of the original's", () => {
  const dlq = (clone: TestDatabase, ...words: readonly string[]) =>
    runCommand(["dlq", ...words, "--reason", "test", "--json"], environment(clone));

  test("is not brought back, and not taken for what was done to its own dead letters", async () => {
    await drainAll(system);
    const [discarded, replayed] = [
      await putDeadLetter(system.singularity),
      await putDeadLetter(system.singularity),
    ];
    const act = (verb: string, id: string) =>
      runCommand(["dlq", verb, id, "--reason", "test"], environment());
    expect((await act("discard", discarded)).exitCode).toBe(0);
    expect((await act("replay", replayed)).exitCode).toBe(0);
    await drainAll(system);
    const clone = await copy();
    await renew(clone);

    expect(JSON.parse((await dlq(clone, "restore", "--all")).stdout)).toMatchObject({
      restored: 0,
    });
    for (const words of [
      ["restore", discarded],
      ["replay", replayed],
      ["show", discarded],
    ]) {
      const { stderr } = await runCommand(
        ["dlq", ...words, ...(words[0] === "show" ? [] : ["--reason", "test"])],
        environment(clone),
      );
      expect(stderr).toMatch(new RegExp(`there is no (discarded )?dead letter ${words[1]}`));
    }
    // Its own comes back.
    const own = await putDeadLetter(clone);
    expect((await dlq(clone, "discard", own)).exitCode).toBe(0);
    expect(JSON.parse((await dlq(clone, "restore", own)).stdout)).toMatchObject({ restored: 1 });
    // And the original's are the original's to restore.
    const restored = await runCommand(
      ["dlq", "restore", "--all", "--reason", "test", "--json"],
      environment(),
    );
    expect(JSON.parse(restored.stdout)).toMatchObject({ restored: 1 });
  });
});
