import { DriftError, previewDeadLetters, SelectionError } from "@centralcloud/dead-letters";
import { afterEach, describe, expect, test } from "vitest";
import { emptyCentral } from "../support/central-content.ts";
import { environmentOf } from "../support/command.ts";
import { drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { deadLetterCommands, why } from "../support/dead-letter-commands.ts";
import { deadLetterReplays } from "../support/dead-letter-replays.ts";
import {
  emptyQueues,
  judge,
  patterns,
  putDeadLetter,
  putDeadLetters,
  putOddDeadLetter,
  rowsOf,
  scopeOf,
} from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";

const system = useSystem();
failOnLeaks(system);
afterEach(async () => {
  await emptyQueues(system);
  await emptyCentral(system.central.pool);
});

const { dlq } = deadLetterCommands(system);
const { replay, queued, deadLettersLeft } = deadLetterReplays(system);
const preview = async (filter: object = {}, changes: object = {}) =>
  previewDeadLetters(await scopeOf(system), filter, "replay", {
    all: true,
    judge,
    central: system.central.pool,
    ...changes,
  });
const long = "2026-01-01T00:00:00Z";

describe("a preview", () => {
  test("tells each queue's count, bounds and reasons, a sample, what was merged, what would be refused, and how long", async () => {
    const id = await queuesOf(system).send(patterns, patternMessage());
    const { rows } = await system.singularity.pool.query(
      `select to_char(enqueued_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at from pgmq."q_${patterns}"`,
    );
    await drainAll(system);
    await putDeadLetter(system.singularity, {
      originalId: Number(id),
      originalEnqueuedAt: rows[0].at,
      at: long,
    });
    await putDeadLetter(system.singularity, { original: '{"odd":1}', code: "other" });
    await putDeadLetter(system.singularity);
    await putOddDeadLetter(system.singularity, "{}");
    const told = await preview({}, { rate: 2 });
    expect(told).toMatchObject({
      deadLetters: 4,
      ledger: { checked: 4, merged: 1 },
      contract: { checked: 4, refused: 2, unknown: 0 },
      seconds: 2,
      sample: [{ at: "2026-01-01T00:00:00.000000Z", reason: "invalid" }, {}, {}, {}],
    });
    const part = told.parts.find(({ deadLetters }) => deadLetters > 0);
    expect(part).toMatchObject({ queue: patterns, deadLetters: 4, since: null });
    expect(part?.until).toMatch(/^\d{4}-.*Z$/);
    expect(part?.reasons).toMatchObject([
      { reason: "invalid", code: "out_of_range", count: 2 },
      { count: 1 },
      { count: 1 },
    ]);
    const alone = await preview({}, { central: undefined });
    expect(alone.ledger).toBeNull();
  });

  test("is shown by --dry-run, and its digest binds the command", async () => {
    await putDeadLetters(system.singularity, 3);
    const shown = await dlq("replay", "--all", "--dry-run");
    expect(shown.stdout).toMatch(/^would be replayed: 3 dead letters \(nothing was changed\)\n/);
    expect(shown.stdout).toMatch(/would be refused again: 3 of 3/);
    expect(shown.stdout).toMatch(/--digest v1\./);
    const dryRun = JSON.parse((await dlq("replay", "--all", "--dry-run", "--json")).stdout);
    await putDeadLetter(system.singularity, { at: long });
    const words = ["replay", "--all", "--digest", dryRun.digest, ...why];
    const refused = await dlq(...words);
    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toContain("1 dead letters of centralcloud-new-patterns");
    expect(await queued()).toEqual([]);
    const again = JSON.parse((await dlq("replay", "--all", "--dry-run", "--json")).stdout);
    const done = await dlq("replay", "--all", "--digest", again.digest, ...why, "--json");
    expect(JSON.parse(done.stdout)).toMatchObject({ replayed: 4 });
    for (const digest of ["x", "v1.x", dryRun.digest.slice(0, -8)]) {
      expect((await dlq("replay", "--all", "--digest", digest, ...why)).exitCode).toBe(2);
    }
    const other = ["discard", "--all", "--digest", again.digest, ...why];
    expect((await dlq(...other)).exitCode).toBe(2);
    const alone = { ...environmentOf(system), CENTRAL_DATABASE_URL: "postgres://x@127.0.0.1:1/x" };
    const counted = await runCommand(["dlq", "discard", "--all", "--dry-run"], alone);
    expect(counted.stdout).toBe("would be discarded: 0 dead letters (nothing was changed)\n");
  });
});

describe("a run that is bound to a preview", () => {
  test("moves what is left of what was seen, whoever took the others and however", async () => {
    await putDeadLetters(system.singularity, 10);
    const { digest } = await preview();
    await replay({
      ids: [(await rowsOf(system.singularity, `q_${patterns}-dlq`))[0]?.msg_id ?? ""],
    });
    await system.singularity.pool.query(
      `delete from pgmq."q_${patterns}-dlq" where msg_id = (select max(msg_id) from pgmq."q_${patterns}-dlq")`,
    );
    expect(await replay({}, { digest })).toMatchObject({ replayed: 8, remaining: 0 });
  });

  test("leaves alone what came later, and refuses what came into its bounds", async () => {
    await putDeadLetters(system.singularity, 3);
    const { digest } = await preview();
    await putDeadLetters(system.singularity, 2);
    // As many have left as have come, so that the count is the same.
    await replay({
      ids: [(await rowsOf(system.singularity, `q_${patterns}-dlq`))[0]?.msg_id ?? ""],
    });
    await putDeadLetter(system.singularity, { at: long });
    await expect(replay({}, { digest })).rejects.toThrow(DriftError);
    expect(await queued()).toHaveLength(1);
    await system.singularity.pool.query(
      `delete from pgmq."q_${patterns}-dlq" where enqueued_at = $1`,
      [long],
    );
    expect(await replay({}, { digest })).toMatchObject({ replayed: 2, remaining: 0 });
    expect(await deadLettersLeft()).toBe(2);
  });

  test("refuses dead letters that were changed since, and those of a transaction that had not ended", async () => {
    await putDeadLetters(system.singularity, 2);
    const client = await system.singularity.pool.connect();
    await client.query("begin");
    await client.query(
      `insert into pgmq."q_${patterns}-dlq" (vt, enqueued_at, message) values (now(), $1, '{"original_message":9}')`,
      [long],
    );
    const { digest, deadLetters } = await preview();
    expect(deadLetters).toBe(2);
    await client.query("commit");
    client.release();
    await expect(replay({}, { digest })).rejects.toThrow(DriftError);
    const second = await preview();
    await system.singularity.pool.query(
      `update pgmq."q_${patterns}-dlq" set message = '{"original_message":"changed"}' where enqueued_at = $1`,
      [long],
    );
    await expect(replay({}, { digest: second.digest })).rejects.toThrow(DriftError);
  });

  test("refuses the digest of another filter, of another action and of other sources", async () => {
    await putDeadLetter(system.singularity);
    const { digest } = await preview({ codes: ["out_of_range"] });
    await expect(replay({}, { digest })).rejects.toThrow(SelectionError);
    await expect(replay({ codes: ["out_of_range"] }, { digest })).resolves.toMatchObject({
      replayed: 1,
    });
  });
});
