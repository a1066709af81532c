import { recordFailures } from "@centralcloud/central";
import { QueueClient } from "@centralcloud/queue";
import { afterEach, expect, test } from "vitest";
import { useCapture } from "../support/capture.ts";
import { drainAll } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { deadLetterCommands, why } from "../support/dead-letter-commands.ts";
import { emptyQueues, patterns } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { brief, isNoFirstComparison, traces } from "../support/trace.ts";

/* What became of a message, from whichever end it is asked about. */

const system = useSystem();
failOnLeaks(system);
const capture = useCapture(system);
const { trace, text } = traces(system);
const { dlq } = deadLetterCommands(system);
afterEach(() => emptyQueues(system));

const queue = () => new QueueClient(system.singularity.pool);
const deadLetterOf = async (msgId: string) => {
  const { rows } = await system.singularity.pool.query<{ id: string }>(
    `select msg_id::text as id from pgmq."q_${patterns}-dlq" where message ->> 'original_message_id' = $1`,
    [msgId],
  );
  return rows[0]?.id ?? "";
};

/** The store takes no pattern of this name, so its message is dead-lettered; gives what undoes that. */
async function refuse(name: string) {
  await system.central.pool.query(
    `alter table central.patterns add constraint refused check (pattern ->> 'name' <> '${name}')`,
  );
  return () => system.central.pool.query("alter table central.patterns drop constraint refused");
}

test("a message is told from what was learned to what the store has of it, by its id, its ULID and its agent", async () => {
  const part = await capture.start();
  await part.observed("capture-reading");
  const { pool } = system.singularity;
  await pool.query(
    `insert into analysis_results (agent_id, result, confidence) values ('learner', '{"name":"hidden words"}', 0.95)`,
  );
  await pool.query("select public.learn_patterns_from_analysis()");
  await drainAll(system);
  await capture.caughtUp();
  const { rows } = await pool.query<{ id: string; ulid: string }>(
    `select msg_id::text as id, headers ->> 'message_id' as ulid from pgmq."a_${patterns}"`,
  );
  const { id = "", ulid = "" } = rows[0] ?? {};
  const story = [
    "queue: learned by learner",
    `queue: sent as message ${id} to ${patterns}, confidence 0.95`,
    "ledger: merged",
    "archive: archived",
  ];
  for (const asked of [
    ["--message", id],
    ["--message", ulid.toLowerCase()],
    ["--agent", "learner"],
  ]) {
    const told = await trace(...asked);
    // Before, nobody captured; that can hide nothing of one message.
    const isOpen = asked[0] === "--agent";
    expect(told.unknown.filter(isNoFirstComparison).map(({ why: reason }) => reason)).toEqual(
      isOpen ? ["no changes were captured yet"] : [],
    );
    expect(brief(told)).toEqual(expect.arrayContaining(story));
    // When it was learned is told by the clock, and when it was sent by the transaction, which began before.
    const [, ...sent] = story;
    expect(brief(told).filter((line) => sent.includes(line))).toEqual(sent);
    expect(brief(told)).toContainEqual("change-log: insert into learned_patterns");
    expect(brief(told)).toContainEqual(
      expect.stringMatching(
        /^store: the store has a pattern that learner learned last then, 1 times/,
      ),
    );
    expect(told.events.map(({ at }) => at)).toEqual(told.events.map(({ at }) => at).toSorted());
    expect(JSON.stringify(told)).not.toContain("hidden words");
    const revealed = await trace(...asked, "--reveal", "--reason", "a test");
    expect(revealed.masked).toBe(false);
    const contents = revealed.events.filter(({ content }) => content !== undefined);
    expect(contents.length).toBeGreaterThanOrEqual(2);
    for (const { content } of contents)
      expect(content).toMatchObject({ pattern: { name: "hidden words" } });
  }
  expect(await text("--message", id)).toMatch(
    /^message \d+; all times are UTC\ncontents are masked.*\n\n\d{4}-\d\d-\d\d\n\d\d:\d\d:\d\d\.\d{6} {2}/,
  );
});

test("a refused message that was replayed and merged is one story, from either of its ids", async () => {
  const allow = await refuse("refused");
  const original = patternMessage({ agent_id: "a", pattern: { name: "refused" } });
  const first = `${await queue().send(patterns, original)}`;
  await drainAll(system);
  await allow();
  const deadLetter = await deadLetterOf(first);
  expect((await dlq("replay", deadLetter, ...why)).exitCode).toBe(0);
  await drainAll(system);
  const { rows } = await system.singularity.pool.query<{ id: string }>(
    `select headers ->> 'new_msg_id' as id from pgmq."a_${patterns}-dlq"`,
  );
  const second = rows[0]?.id ?? "";
  const story = brief(await trace("--message", first));
  expect(brief(await trace("--message", second))).toEqual(story);
  const place = (words: string) => story.findIndex((line) => line.includes(words));
  const places = [
    "queue: learned by a",
    `queue: sent as message ${first} to ${patterns}`,
    `dead-letter: dead-lettered as ${deadLetter}: rejected`,
    `action: replay of dead letter ${deadLetter} planned by`,
    `dead-letter: dead letter ${deadLetter} sent again as message ${second} by action`,
    `queue: sent as message ${second} to ${patterns}, replay 1 of message ${first}`,
    "ledger: merged",
    "archive: archived",
  ].map(place);
  expect(places).not.toContain(-1);
  // The dead letter goes in the statement that sends its message again.
  const ordered = places.filter((_, index) => index !== 4);
  expect(ordered).toEqual(ordered.toSorted((one, other) => one - other));
  expect(story.filter((line) => line.startsWith("attempt"))).toEqual([]);
  expect(story.find((line) => line.includes("planned by"))).toMatch(/: the producer is repaired$/);
});

test("a dead letter that was discarded and restored tells both, with who did it and why", async () => {
  const bad = `${await queue().send(patterns, patternMessage({ agent_id: "b", confidence: 7 }))}`;
  await drainAll(system);
  const deadLetter = await deadLetterOf(bad);
  expect((await dlq("discard", deadLetter, "--reason", "nobody needs it")).exitCode).toBe(0);
  const discarded = brief(await trace("--message", bad));
  expect(discarded).toContainEqual(
    expect.stringMatching(`^dead-letter: dead letter ${deadLetter} discarded by action \\d+$`),
  );
  expect(
    (await dlq("restore", deadLetter, "--reason", "somebody does", "--actor", "night@desk"))
      .exitCode,
  ).toBe(0);
  const told = await trace("--message", bad);
  expect(brief(told)).toContainEqual(
    expect.stringMatching(/^action: discard of dead letter \d+ planned by .*: nobody needs it$/),
  );
  expect(brief(told)).toContainEqual(
    expect.stringMatching(
      /^action: restore of dead letter \d+ planned by night@desk .*: somebody does$/,
    ),
  );
  const died = told.events.find(({ where }) => where === "dead-letter");
  expect(died?.error).toEqual({
    code: "out_of_range",
    message: expect.stringContaining("confidence"),
  });
  expect(brief(await trace("--agent", "b"))).toEqual(brief(told));
});

test("a message that waits is told to wait, and its failures so far are told", async () => {
  const id = `${await queue().send(patterns, patternMessage({ agent_id: "w" }))}`;
  const waiting = brief(await trace("--message", id));
  expect(waiting.at(-1)).toMatch(
    /^queue: sent as message \d+ .*, it waits; it is given to a consumer from /,
  );
  const { rows } = await system.singularity.pool.query(
    `select q.enqueued_at::text as at, s.source_id as source from pgmq."q_${patterns}" q, singularity_source s`,
  );
  await system.central.pool.query("select central.register_source($1, $2)", [
    rows[0].source,
    system.singularity.name,
  ]);
  await recordFailures(
    system.central.pool,
    { sourceId: rows[0].source, queue: patterns },
    "00000000-0000-4000-8000-000000000001",
    [
      {
        message: { msgId: id, enqueuedAt: rows[0].at },
        code: "XX000",
        error: 'the value "hidden words" is odd',
      },
    ],
  );
  const told = await trace("--message", id);
  const attempt = told.events.find(({ where }) => where === "attempt");
  expect(attempt).toMatchObject({ msgId: id, error: { code: "XX000" } });
  expect(JSON.stringify(told)).not.toContain("hidden words");
});

test("a message that nobody knows is an empty answer, and says so", async () => {
  expect(await trace("--message", "987654321")).toMatchObject({
    events: [],
    failed: [],
    unreachable: [],
  });
  expect(await text("--message", "987654321")).toContain("nothing is known of message 987654321");
});
