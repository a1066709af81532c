import {
  discardDeadLetters,
  exportDeadLetters,
  ImportLineError,
  importDeadLetters,
  replayDeadLetters,
} from "@centralcloud/dead-letters";
import { afterEach, expect, test } from "vitest";
import { useSystem } from "../support/databases.ts";
import {
  actionOn,
  collect,
  emptyQueues,
  judge,
  patterns,
  putDeadLetter,
  putOddDeadLetter,
  rowsOf,
  scopeOf,
} from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";

const system = useSystem();
failOnLeaks(system);
afterEach(() => emptyQueues(system));

const exported = async () => collect(exportDeadLetters(await scopeOf(system), {}));

async function importLines(lines: readonly string[]) {
  const { sources } = await scopeOf(system);
  const { central, request } = actionOn(system);
  async function* openLines() {
    yield* lines;
  }
  return importDeadLetters(sources, openLines, { central, request, origin: "a test" });
}

test("an export that is imported gives the same dead letters, and importing it twice changes nothing", async () => {
  await putDeadLetter(system.singularity, {
    original: '{"n":12345678901234567890,"m":0.10,"u":"\u2028"}',
  });
  await putDeadLetter(system.singularity, { queue: "agent-sessions" });
  await putOddDeadLetter(system.singularity, "{}", '["odd"]');
  const lines = await exported();
  await discardDeadLetters(await scopeOf(system), {}, actionOn(system));
  expect(await exported()).toEqual([]);
  const [some, ...others] = lines as [string, ...string[]];
  expect(await importLines([some])).toMatchObject({ imported: 1, present: 0 });
  expect(await importLines([...others, "", some])).toMatchObject({
    imported: 2,
    present: 1,
    renumbered: 0,
    replayedBefore: 0,
  });
  expect(await exported()).toEqual(lines);
  expect(await importLines([...lines, ...lines])).toMatchObject({ imported: 0, present: 6 });
  expect(await exported()).toEqual(lines);
});

test("a dead letter whose id is not free gets another one, once", async () => {
  await putDeadLetter(system.singularity);
  const [line = ""] = await exported();
  await discardDeadLetters(await scopeOf(system), {}, actionOn(system));
  const { id } = JSON.parse(line) as { id: string };
  await system.singularity.pool.query(
    `insert into pgmq."q_${patterns}-dlq" (msg_id, vt, message) overriding system value
     values ($1, now(), '"newer"')`,
    [id],
  );
  // Nor is one that the queue has not given away: it would meet it later.
  const ahead = line.replace(`"id":"${id}"`, '"id":"987654321"');
  const report = await importLines([line, ahead]);
  expect(report).toMatchObject({ imported: 2, renumbered: 2 });
  expect(await importLines([line, ahead])).toMatchObject({ imported: 0, present: 2 });
  const rows = await rowsOf(system.singularity, `q_${patterns}-dlq`);
  expect(rows.map(({ headers }) => headers?.imported_letter_id)).toEqual([
    undefined,
    Number(id),
    987654321,
  ]);
  await putDeadLetter(system.singularity);
});

test("imports at once put each dead letter back once, and say that it had been replayed", async () => {
  for (let count = 0; count < 20; count++) await putDeadLetter(system.singularity);
  const lines = await exported();
  await replayDeadLetters(await scopeOf(system), {}, { ...actionOn(system), judge });
  const reports = await Promise.all([importLines(lines), importLines(lines)]);
  const sum = (key: "imported" | "present" | "replayedBefore") =>
    reports.reduce((total, report) => total + report[key], 0);
  expect([sum("imported"), sum("present"), sum("replayedBefore")]).toEqual([20, 20, 20]);
  expect(await exported()).toEqual(lines);
});

test("a line that is not a dead letter of a connected source is told before anything is imported", async () => {
  await putDeadLetter(system.singularity);
  const [line = ""] = await exported();
  await discardDeadLetters(await scopeOf(system), {}, actionOn(system));
  const { source_id } = JSON.parse(line) as { source_id: string };
  const bad = {
    "{": /line 2: is not JSON/,
    "[]": /not a dead letter/,
    [line.replace(patterns, "another")]: /no queue of ours/,
    [line.replace(/"id":"\d+"/, '"id":1')]: /no id/,
    [line.replace(/"enqueued_at":"[^"]+"/, '"enqueued_at":"now"')]: /enqueued_at/,
    [line.replace(source_id, "00000000-0000-0000-0000-000000000000")]: /not connected/,
  };
  for (const [text, problem] of Object.entries(bad)) {
    const refused = importLines([line, text]);
    await expect(refused).rejects.toThrow(ImportLineError);
    await expect(refused).rejects.toThrow(problem);
  }
  expect(await exported()).toEqual([]);
});
