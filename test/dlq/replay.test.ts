import {
  DeadLetterNotFoundError,
  discardDeadLetters,
  listDeadLetters,
  previewDeadLetters,
  SelectionError,
} from "@centralcloud/dead-letters";
import pg from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import { deadLetterReplays } from "../support/dead-letter-replays.ts";
import {
  actionOn,
  emptyQueues,
  judge,
  patterns,
  putDeadLetter,
  putOddDeadLetter,
  rowsOf,
  scopeOf,
} from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
afterEach(() => emptyQueues(system));

const { replay, deadLettersLeft, queued, actions } = deadLetterReplays(system);

describe("a replay", () => {
  test("sends the message with its headers and its history, archives the dead letter, and records the action", async () => {
    const original = `{"agent_id": "a", "pattern": {"m": 0.10, "n": 12345678901234567890}, "learned_at": "2025-10-25T10:00:00Z"}`;
    const originalHeaders = `{"message_id":"01GV5PA9EQG7D82Q3Y4PKBZSYV","n":0.10}`;
    const id = await putDeadLetter(system.singularity, {
      original,
      originalHeaders,
      originalId: 17,
    });
    const report = await replay({ ids: [id] });
    expect(report).toMatchObject({ replayed: 1, remaining: 0, interrupted: false });

    const [message] = await queued();
    const { rows: texts } = await system.singularity.pool.query(
      `select (message #> '{pattern}')::text as pattern, headers::text from pgmq."q_${patterns}"`,
    );
    expect(texts[0].pattern).toBe('{"m": 0.10, "n": 12345678901234567890}');
    expect(texts[0].headers).toContain('"n": 0.10');
    expect(message?.headers).toMatchObject({
      message_id: "01GV5PA9EQG7D82Q3Y4PKBZSYV",
      replay_of: 17,
      replay_count: 1,
      attempts: [
        {
          at: expect.stringMatching(/^\d{4}-/),
          consumer: "unknown",
          error: { code: "out_of_range", message: "confidence must be between 0 and 1" },
        },
      ],
    });
    const [archived] = await rowsOf(system.singularity, `a_${patterns}-dlq`);
    expect(archived?.msg_id).toBe(id);
    expect(JSON.parse(archived?.message ?? "")).toMatchObject({ original_message_id: 17 });
    expect(archived?.headers).toEqual({
      action: "replay",
      action_id: Number(report.actionId),
      new_msg_id: Number(message?.msg_id),
    });
    expect(await deadLettersLeft()).toBe(0);
    expect(await actions()).toMatchObject([
      { actor: "test@host", action: "replay", reason: "a test", message_count: 1, finished: true },
    ]);
  });

  test("that is run twice sends once, and says what the first did", async () => {
    const id = await putDeadLetter(system.singularity);
    const first = await replay({ ids: [id] });
    const second = await replay({ ids: [id] });
    expect(second).toMatchObject({
      actionId: null,
      replayed: 0,
      settledBefore: [{ id, action: "replay", actionId: first.actionId }],
    });
    await replay({ reasons: ["invalid"] });
    expect(await queued()).toHaveLength(1);
  });

  test("that several operators run at once sends each message once", async () => {
    for (let count = 0; count < 30; count++) {
      await putDeadLetter(system.singularity, { original: patternMessage({ source: `${count}` }) });
    }
    await system.singularity.pool.query(
      `insert into pgmq."q_${patterns}-dlq" (vt, message)
       select now(), d.message from pgmq."q_${patterns}-dlq" d cross join generate_series(1, 49)`,
    );
    const reports = await Promise.all([replay({}), replay({}), replay({})]);
    expect(reports.reduce((sum, { replayed }) => sum + replayed, 0)).toBe(1500);
    expect(await queued()).toHaveLength(1500);
    expect(await deadLettersLeft()).toBe(0);
    const counted = (await actions()).map(({ message_count }) => message_count as number);
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(1500);
  });

  test("keeps its rate, ends after the chunk under way when interrupted, and continues when it is called again", async () => {
    for (let count = 0; count < 20; count++) await putDeadLetter(system.singularity);
    const interrupt = new AbortController();
    const startedAt = performance.now();
    const running = replay({}, { rate: 10, signal: interrupt.signal });
    await until("some are replayed", async () => (await queued()).length >= 10);
    // Five at once, twice a second: ten are not reached before half a second.
    expect(performance.now() - startedAt).toBeGreaterThan(450);
    interrupt.abort();
    const report = await running;
    expect(report.interrupted).toBe(true);
    expect(report.replayed).toBeLessThan(20);
    expect(await actions()).toMatchObject([{ message_count: report.replayed, finished: false }]);
    const next = await replay({});
    expect(next.replayed).toBe(20 - report.replayed);
    expect(await queued()).toHaveLength(20);
  });

  test("stops when the central database is gone, and no dead letter is half moved", async () => {
    for (let count = 0; count < 8; count++) await putDeadLetter(system.singularity);
    const central = new pg.Pool({
      idleTimeoutMillis: 0,
      connectionString: system.central.url,
      max: 1,
    });
    const running = replay({}, { central, rate: 4 });
    await until("some are replayed", async () => (await queued()).length > 0);
    await central.end();
    await expect(running).rejects.toThrow(/pool/);
    const sent = (await queued()).length;
    expect(sent).toBeLessThan(8);
    expect(await deadLettersLeft()).toBe(8 - sent);
    expect(await rowsOf(system.singularity, `a_${patterns}-dlq`)).toHaveLength(sent);
    expect(await actions()).toMatchObject([{ finished: false }]);
  });

  test("leaves dead letters alone that come after it began, so that it ends", async () => {
    for (let count = 0; count < 4; count++) await putDeadLetter(system.singularity);
    const running = replay({}, { rate: 4 });
    await until("the first ones are replayed", async () => (await queued()).length > 0);
    const late = await putDeadLetter(system.singularity);
    const report = await running;
    expect(report).toMatchObject({ replayed: 4, remaining: 0, interrupted: false });
    const page = await listDeadLetters(await scopeOf(system), {}, { limit: 10 });
    expect(page.deadLetters.map(({ id }) => id)).toEqual([late]);
  });

  test("passes over dead letters without an original message, and says that they remain", async () => {
    await putOddDeadLetter(system.singularity, "{}");
    await putOddDeadLetter(system.singularity, null);
    await putOddDeadLetter(
      system.singularity,
      '{"original_message": null, "original_headers": "x"}',
      '"odd"',
    );
    const report = await replay({});
    expect(report).toMatchObject({ replayed: 1, remaining: 2, interrupted: false });
    expect((await queued()).map(({ message }) => message)).toEqual(["null"]);
  });

  test("of everything has to be asked for, and of nothing changes nothing", async () => {
    const id = await putDeadLetter(system.singularity);
    await expect(replay({}, { all: false })).rejects.toThrow(SelectionError);
    await expect(replay({ ids: [id, "987654"] })).rejects.toThrow(DeadLetterNotFoundError);
    await expect(replay({ ids: ["x"] })).rejects.toThrow(SelectionError);
    expect(await actions()).toEqual([]);
    const preview = await previewDeadLetters(await scopeOf(system), { ids: [id] }, "replay", {
      judge,
    });
    expect(preview).toMatchObject({ deadLetters: 1, settledBefore: [] });
    expect(await deadLettersLeft()).toBe(1);
    expect(await actions()).toEqual([]);
  });

  test("of a dead letter id that two queues have asks which one is meant", async () => {
    const id = await putDeadLetter(system.singularity);
    await system.singularity.pool.query(
      `insert into pgmq."q_agent-sessions-dlq" (msg_id, vt) overriding system value values ($1, now())`,
      [id],
    );
    await expect(replay({ ids: [id] })).rejects.toThrow(/several places.*agent-sessions/);
  });
});

test("a discarded dead letter is in the archive, also where its id was there before", async () => {
  const id = await putDeadLetter(system.singularity);
  await system.singularity.pool.query(
    `insert into pgmq."a_${patterns}-dlq" (msg_id, vt, message) values ($1, now(), '"older"')`,
    [id],
  );
  const scope = await scopeOf(system);
  const report = await discardDeadLetters(scope, { ids: [id] }, actionOn(system));
  expect(report).toMatchObject({ moved: 1, remaining: 0 });
  const archived = await rowsOf(system.singularity, `a_${patterns}-dlq`);
  expect(archived).toMatchObject([
    { headers: { action: "discard", archived_msg_id: Number(id) } },
    { msg_id: id, message: '"older"', headers: null },
  ]);
  expect(await queued()).toEqual([]);
  expect(await actions()).toMatchObject([{ action: "discard", message_count: 1, finished: true }]);
  await expect(replay({ ids: [id] })).rejects.toThrow(/was discarded by action \d+ before/);
});
