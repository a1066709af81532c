import { EditRefusedError, findDeadLetter, listDeadLetters } from "@centralcloud/dead-letters";
import { afterEach, describe, expect, test } from "vitest";
import { centralContent } from "../support/central-content.ts";
import { drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { deadLetterReplays } from "../support/dead-letter-replays.ts";
import {
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

const system = useSystem();
failOnLeaks(system);
afterEach(() => emptyQueues(system));

const { replay, deadLettersLeft, queued, actions } = deadLetterReplays(system);

describe("an edited message", () => {
  test("is sent in place of the original, which the archive keeps", async () => {
    const id = await putDeadLetter(system.singularity, { original: '{"n":1}' });
    const edit = patternMessage({ pattern: { n: 1 } }).replace('{"n":1}', '{"n":0.10}');
    await replay({ ids: [id] }, { edit });
    const [message] = await queued();
    expect(message?.message).toContain('"n": 0.10');
    expect(message?.headers).toMatchObject({ replay_edited: true, replay_count: 1 });
    const [archived] = await rowsOf(system.singularity, `a_${patterns}-dlq`);
    expect(archived?.message).toContain('"original_message": {"n": 1}');
    expect(archived?.headers).toMatchObject({ edited: true });
  });

  test("that the contract or the database refuses changes nothing", async () => {
    const id = await putDeadLetter(system.singularity);
    const tries = { "{": /not JSON/, '{"a":"\\u0000"}': /not JSON/, "{}": /agent_id is missing/ };
    for (const [edit, problem] of Object.entries(tries)) {
      const refused = replay({ ids: [id] }, { edit });
      await expect(refused).rejects.toThrow(EditRefusedError);
      await expect(refused).rejects.toThrow(problem);
    }
    await expect(replay({ reasons: ["x"] }, { edit: "{}" })).rejects.toThrow(/one dead letter/);
    expect(await deadLettersLeft()).toBe(1);
    expect(await actions()).toEqual([]);
  });
});

test("a message that is dead-lettered again and is replayed again keeps its whole history", async () => {
  await queuesOf(system).send(patterns, '{"agent_id":""}');
  const [first] = await queued();
  for (const generation of [1, 2, 3]) {
    await drainAll(system);
    const { deadLetters } = await listDeadLetters(await scopeOf(system), {}, { limit: 10 });
    expect(deadLetters).toMatchObject([
      { replayCount: generation - 1, attemptCount: generation - 1 },
    ]);
    const shown = await findDeadLetter(await scopeOf(system), deadLetters[0]?.id ?? "", judge);
    expect(JSON.parse(shown.history)).toHaveLength(generation);
    expect(shown.firstSentAs).toBe(first?.msg_id);
    await replay({});
    const [message] = await queued();
    expect(message?.headers).toMatchObject({
      replay_of: Number(first?.msg_id),
      replay_count: generation,
    });
    expect(message?.headers?.attempts).toHaveLength(generation);
  }
});

test("a history that a dead letter repeats from its headers is told once", async () => {
  const attempt = (at: string) => ({ at, consumer: "c", error: { code: "x", message: "y" } });
  const [first, second] = [attempt("2026-01-01T00:00:00Z"), attempt("2026-01-02T00:00:00Z")];
  const tell = async (attempts: unknown[], earlier: unknown[]) => {
    const deadLetter = { original_message: 1, attempts, original_headers: { attempts: earlier } };
    const id = await putOddDeadLetter(system.singularity, JSON.stringify(deadLetter));
    const { history } = await findDeadLetter(await scopeOf(system), id, judge);
    return (JSON.parse(history) as unknown[]).slice(0, -1);
  };
  expect(await tell([first, second], [first])).toEqual([first, second]);
  expect(await tell([second], [first])).toEqual([first, second]);
  expect(await tell([], [first])).toEqual([first]);
});

test("an old session that is replayed never overwrites a newer one", async () => {
  const session = (step: number, at: string) =>
    JSON.stringify({ agent_id: "a", session_id: "s", session_state: { step }, synced_at: at });
  await queuesOf(system).send("agent-sessions", session(2, "2025-10-25T10:00:02Z"));
  await drainAll(system);
  const before = await centralContent(system.central.pool);
  const id = await putDeadLetter(system.singularity, {
    queue: "agent-sessions",
    original: session(1, "2025-10-25T10:00:01Z"),
  });
  await replay({ ids: [id] });
  const { report } = await drainAll(system);
  expect(report.processed).toBe(1);
  expect(await centralContent(system.central.pool)).toEqual(before);
});

test("a dead letter whose message was merged before it died is archived, and nothing is sent", async () => {
  const queues = queuesOf(system);
  await queues.send(patterns, patternMessage());
  const { rows } = await system.singularity.pool.query(
    `select msg_id::integer as id, to_jsonb(enqueued_at) #>> '{}' as at, message::text as text from pgmq."q_${patterns}"`,
  );
  await drainAll(system);
  const before = await centralContent(system.central.pool);
  const { id, at, text } = rows[0] as { id: number; at: string; text: string };
  const deadLetter = { original: text, originalId: id, reason: "delivery-limit" };
  await putDeadLetter(system.singularity, { ...deadLetter, originalEnqueuedAt: at });
  // The same id of another time is another message.
  await putDeadLetter(system.singularity, deadLetter);
  const report = await replay({});
  expect(report).toMatchObject({ replayed: 1, alreadyMerged: 1, remaining: 0 });
  expect(await queued()).toHaveLength(1);
  await queues.purge(patterns);
  expect(await centralContent(system.central.pool)).toEqual(before);
  const archived = await rowsOf(system.singularity, `a_${patterns}-dlq`);
  expect(archived.map(({ headers }) => headers?.already_merged)).toEqual([true, undefined]);
});
