import { afterEach, describe, expect, test } from "vitest";
import { drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { deadLetterCommands, why } from "../support/dead-letter-commands.ts";
import { emptyQueues, patterns, putDeadLetter } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";

const system = useSystem();
failOnLeaks(system);
afterEach(() => emptyQueues(system));
const { dlq, actions } = deadLetterCommands(system);

/** Messages whose ids are far from those of their dead letters. */
async function dieOf(...bodies: readonly string[]) {
  await system.singularity.pool.query(`alter table pgmq."q_${patterns}" alter msg_id restart 51`);
  await queuesOf(system).sendBatch(patterns, bodies);
  const { observations } = await drainAll(system);
  return observations.filter((one) => one.event === "message-dead-lettered");
}

test("the log names the id of the dead letter beside that of the message, whatever it failed with", async () => {
  const died = await dieOf(patternMessage({ confidence: 2 }), patternMessage({ agent_id: "" }));
  const { rows } = await system.singularity.pool.query(
    `select message ->> 'original_message_id' as "msgId", msg_id::text as "deadLetterId"
       from pgmq."q_${patterns}-dlq" order by msg_id`,
  );
  expect(rows).toHaveLength(2);
  expect(rows[0].msgId).not.toBe(rows[0].deadLetterId);
  expect(died).toMatchObject(rows);
});

describe("--message-id", () => {
  test("shows the dead letter of that message, and every view says whose id is whose", async () => {
    const id = await putDeadLetter(system.singularity, { originalId: 5_151 });
    const { stdout } = await dlq("show", "--message-id", "5151");
    expect(stdout).toMatch(
      new RegExp(`^dead letter +${id} of ${patterns} at .*\nmessage +5151 in `),
    );
    const json = JSON.parse((await dlq("show", "--message-id", "5151", "--json")).stdout);
    expect(json).toMatchObject({ id, messageId: "5151" });
    const own = await dlq("show", id);
    expect(own.stdout).toBe(stdout);
    const absent = await dlq("show", "5151");
    expect(absent).toMatchObject({ exitCode: 1, stdout: "" });
    expect(absent.stderr).toContain("there is no dead letter 5151");
    expect(absent.stderr).toContain("--message-id 5151");
    expect((await dlq("show", "--message-id", "999")).stderr).toContain("of a message 999");
    for (const words of [[], [id, "--message-id", "5151"], ["--message-id", "x"]]) {
      expect((await dlq("show", ...words)).exitCode).toBe(2);
    }
  });

  test("finds a dead letter that was replayed, too", async () => {
    await putDeadLetter(system.singularity, { originalId: 77 });
    expect((await dlq("replay", "--message-id", "77", ...why)).exitCode).toBe(0);
    expect((await dlq("show", "--message-id", "77")).stdout).toMatch(/archived .*replay, action/);
    const again = await dlq("replay", "--message-id", "77", ...why);
    expect(again).toMatchObject({ exitCode: 0 });
    expect(again.stdout).toContain("was replayed before");
  });

  test("narrows lists, exports and actions", async () => {
    const id = await putDeadLetter(system.singularity, { originalId: 60 });
    await putDeadLetter(system.singularity, { originalId: 61 });
    const list = JSON.parse((await dlq("list", "--message-id", "60", "--json")).stdout);
    expect(list.deadLetters).toMatchObject([{ id, originalId: "60" }]);
    const exported = await dlq("export", "--message-id", "60", "--message-id", "61");
    expect(exported.stdout.trim().split("\n")).toHaveLength(2);
    const done = await dlq("discard", "--message-id", "60", "--json", ...why);
    expect(JSON.parse(done.stdout)).toMatchObject({ discarded: 1 });
    const left = JSON.parse((await dlq("list", "--json")).stdout);
    expect(left.deadLetters).toMatchObject([{ originalId: "61" }]);
  });

  test("does nothing where several places have a dead letter of that message, or none has", async () => {
    await putDeadLetter(system.singularity, { originalId: 70 });
    await putDeadLetter(system.singularity, { originalId: 70, queue: "agent-sessions" });
    const unclear = await dlq("discard", "--message-id", "70", ...why);
    expect(unclear).toMatchObject({ exitCode: 2, stdout: "" });
    expect(unclear.stderr).toContain("dead letter of the message 70 in several places");
    expect((await dlq("show", "--message-id", "70")).stderr).toContain("several dead letters");
    const absent = await dlq("replay", "--message-id", "71", ...why);
    expect(absent).toMatchObject({ exitCode: 1, stdout: "" });
    const one = await dlq("discard", "--message-id", "70", "--queue", patterns, ...why);
    expect(one.stdout).toContain("discarded 1 dead letters");
  });
});

describe("the record of an action says what was asked", () => {
  const last = async () => (await actions()).at(-1)?.selection as Record<string, unknown>;

  test("of one dead letter, with the queue that it was found in", async () => {
    const id = await putDeadLetter(system.singularity);
    await dlq("discard", id, ...why);
    expect(await last()).toEqual({
      ids: [id],
      sources: [system.singularity.name],
      queues: [patterns],
      bounds: expect.any(Object),
    });
  });

  test("of one dead letter of a queue", async () => {
    const id = await putDeadLetter(system.singularity);
    await dlq("replay", id, "--queue", patterns, ...why);
    expect(await last()).not.toHaveProperty("all");
  });

  test("of a queue", async () => {
    await putDeadLetter(system.singularity);
    await dlq("discard", "--queue", patterns, "--source", system.singularity.name, ...why);
    expect(await last()).toMatchObject({ queues: [patterns] });
    expect(await last()).not.toHaveProperty("all");
  });

  test("of filters, with a rate", async () => {
    await putDeadLetter(system.singularity, { originalId: 80 });
    await dlq("discard", "--dead-letter-reason", "invalid", "--rate", "500", ...why);
    expect(await last()).toMatchObject({ reasons: ["invalid"], rate: 500 });
    expect(await last()).not.toHaveProperty("all");
    await putDeadLetter(system.singularity, { originalId: 81 });
    await dlq("discard", "--message-id", "81", ...why);
    expect(await last()).toMatchObject({ messageIds: ["81"] });
  });

  test("of everything, only where that was said", async () => {
    await putDeadLetter(system.singularity);
    await dlq("discard", "--all", ...why);
    expect(await last()).toMatchObject({ all: true });
    await dlq("replay-archive", "--from", "2h", ...why);
    expect(await last()).not.toHaveProperty("all");
  });
});
