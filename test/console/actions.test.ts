import { listActions, readAction } from "@centralcloud/central";
import { afterEach, expect, test } from "vitest";
import { environmentOf } from "../support/command.ts";
import { type Browser, useConsole } from "../support/console.ts";
import { actionIdOf, hiddenFields, sendPreview, wordsOf } from "../support/console-pages.ts";
import { peopleWith, signInAs } from "../support/console-people.ts";
import { drainAll } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import {
  actionsIn,
  emptyQueues,
  patterns,
  putDeadLetter,
  putDeadLetters,
  rowsOf,
} from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const consoles = useConsole(system);
afterEach(() => emptyQueues(system));

const waiting = async () => (await rowsOf(system.singularity, `q_${patterns}-dlq`)).length;
const queued = async () => (await rowsOf(system.singularity, `q_${patterns}`)).length;
const action = (id: string) => readAction(system.central.pool, id);
const ended = (id: string, state = "done") =>
  until(`action ${id} is ${state}`, async () => {
    const found = await action(id);
    return found?.state === state && found.runner === null ? found : undefined;
  });
const preview = (browser: Browser, query: string) => browser.get(`/actions/new?${query}`);

test("a replay goes from its preview over its progress to what became of its messages", async () => {
  await putDeadLetter(system.singularity, { originalId: 1 });
  await putDeadLetter(system.singularity, {
    originalId: 2,
    original: patternMessage({ confidence: 2 }),
  });
  const browser = await (await consoles.start()).signIn();
  const shown = await preview(browser, `do=replay&queue=${patterns}`);
  const words = wordsOf(shown);
  expect(words).toContain("Dead letters 2");
  expect(words).toContain("Would be refused again 1 of 2");
  expect(words).toContain("Merged already, so not sent 0 of 2");
  expect(words).toContain(`centralcloud dlq replay --queue ${patterns} --dry-run`);
  const id = actionIdOf(await sendPreview(browser, shown));
  await ended(id);
  expect([await waiting(), await queued()]).toEqual([0, 2]);
  await drainAll(system);
  const page = await until("the page tells the outcome of both", async () => {
    const answer = await browser.get(`/actions/${id}`);
    return wordsOf(answer).includes("1 merged") ? answer : undefined;
  });
  expect(wordsOf(page)).toMatch(/Of 2 messages sent: 1 merged ?, 0 waiting, 1 dead-lettered again/);
  expect(wordsOf(page)).toContain("1 × invalid · out_of_range");
  expect(wordsOf(page)).toContain("the producer is repaired");
  expect(wordsOf(page)).toContain(`centralcloud actions show ${id}`);
  expect(await action(id)).toMatchObject({ kind: "replay", channel: "console", moved: 2 });
});

test("what the preview has not shown is not moved: the run refuses, says so, and shows a new preview", async () => {
  await putDeadLetter(system.singularity);
  const browser = await (await consoles.start()).signIn();
  const shown = await preview(browser, `do=discard&code=out_of_range&until=2200-01-01`);
  await putDeadLetter(system.singularity, { at: "2026-01-01T00:00:00Z" });
  const refused = await sendPreview(browser, shown, { reason: "typed before" });
  expect(refused.status).toBe(409);
  expect(wordsOf(refused)).toContain("the preview has not seen");
  expect(refused.text).toContain('value="typed before"');
  expect(await waiting()).toBe(2);
  expect(await actionsIn(system)).toEqual([]);
  const again = await sendPreview(browser, refused);
  await ended(actionIdOf(again));
  expect(await waiting()).toBe(0);
});

test("what lacks a reason, or its preview, does nothing, and keeps what was typed", async () => {
  await putDeadLetter(system.singularity);
  const browser = await (await consoles.start()).signIn();
  const shown = await preview(browser, `do=replay&queue=${patterns}`);
  const fields = hiddenFields(shown, "/actions");
  const noReason = await browser.post("/actions", { ...fields, rate: "7", reason: " " });
  expect(noReason.status).toBe(422);
  expect(wordsOf(noReason)).toContain("reason: say why you do it");
  const badRate = await browser.post("/actions", { ...fields, rate: "fast", reason: "typed" });
  expect(badRate).toMatchObject({ status: 422, text: expect.stringContaining('value="typed"') });
  const { digest: _, ...unbound } = fields;
  const noDigest = await browser.post("/actions", { ...unbound, reason: "x" });
  expect(wordsOf(noDigest)).toContain("bound to its preview");
  const all = await preview(browser, "do=discard");
  expect(wordsOf(all)).toContain("This chooses every dead letter of every source");
  expect(await actionsIn(system)).toEqual([]);
  expect(await waiting()).toBe(1);
});

test("a form that is sent twice acts once", async () => {
  await putDeadLetters(system.singularity, 3);
  const browser = await (await consoles.start()).signIn();
  const shown = await preview(browser, `do=replay&queue=${patterns}`);
  const [one, other] = await Promise.all([
    sendPreview(browser, shown),
    sendPreview(browser, shown),
  ]);
  expect(actionIdOf(one)).toBe(actionIdOf(other));
  await ended(actionIdOf(one));
  expect(await queued()).toBe(3);
});

test("of two operators on one selection each dead letter is one's, and the other is told", async () => {
  await putDeadLetters(system.singularity, 3);
  const console = await consoles.start(peopleWith({ ann: "operator", bob: "operator" }));
  const [ann, bob] = [await signInAs(console, "ann"), await signInAs(console, "bob")];
  const query = `do=replay&queue=${patterns}`;
  const [hers, his] = [await preview(ann, query), await preview(bob, query)];
  await ended(actionIdOf(await sendPreview(ann, hers)));
  const second = await sendPreview(bob, his);
  await ended(actionIdOf(second));
  const told = wordsOf(await bob.get(second.headers.location ?? ""));
  expect(told).toContain("Somebody was faster");
  expect(told).toContain("Of the 3 dead letters that you were shown, 3 had been moved by others");
  expect(await queued()).toBe(3);
  const rows = (await actionsIn(system)).map(({ actor, message_count: count }) => [actor, count]);
  expect(rows).toEqual([
    ["ann", 3],
    ["bob", 0],
  ]);
});

test("of two who name one dead letter, the second is told by which action it was done", async () => {
  const id = await putDeadLetter(system.singularity);
  const browser = await (await consoles.start()).signIn();
  const shown = await preview(browser, `do=replay&id=${id}`);
  const other = await preview(browser, `do=replay&id=${id}`);
  const first = actionIdOf(await sendPreview(browser, shown));
  await ended(first);
  const second = await sendPreview(browser, other);
  expect(second.status).toBe(409);
  expect(second.text).toContain(`href="/actions/${first}"`);
  expect(await queued()).toBe(1);
});

test("a running action is paused, given another rate, resumed and cancelled from its page; what is moved stays moved", async () => {
  await putDeadLetters(system.singularity, 200);
  const browser = await (await consoles.start()).signIn();
  const shown = await preview(browser, `do=replay&queue=${patterns}&rate=4`);
  const id = actionIdOf(await sendPreview(browser, shown, { rate: "4" }));
  const page = `/actions/${id}`;
  await until("something is moved", async () =>
    ((await action(id))?.moved ?? 0) > 0 ? true : undefined,
  );
  expect((await browser.post(`${page}/pause`, {})).headers.location).toBe(page);
  expect(wordsOf(await browser.get(page))).toContain("paused");
  expect((await browser.post(`${page}/rate`, { rate: "quick" })).status).toBe(422);
  await browser.post(`${page}/rate`, { rate: "20" });
  await browser.post(`${page}/resume`, {});
  const { moved: before = 0 } = (await action(id)) ?? {};
  await until("it continues", async () =>
    ((await action(id))?.moved ?? 0) > before + 20 ? true : undefined,
  );
  await browser.post(`${page}/cancel`, {});
  const cancelled = await until("its figures are final", async () => {
    const found = await action(id);
    return found?.state === "cancelled" && found.finishedAt !== null ? found : undefined;
  });
  expect(cancelled.rate).toBe(20);
  expect(await queued()).toBe(cancelled.moved);
  expect(await waiting()).toBe(200 - cancelled.moved);
  const late = await browser.post(`${page}/pause`, {});
  expect(late.status).toBe(409);
  expect(wordsOf(late)).toContain("can't be paused any more");
  const events = cancelled.events.map(({ event }) => event);
  expect(events).toEqual(expect.arrayContaining(["paused", "rate", "resumed", "cancelled"]));
});

test("a canary sends the first ones, waits for their outcome, and stops where one comes back", async () => {
  for (let id = 1; id <= 5; id += 1) {
    const original = patternMessage({ confidence: 2 });
    await putDeadLetter(system.singularity, { original, originalId: id });
  }
  const browser = await (await consoles.start()).signIn();
  const shown = await preview(browser, `do=replay&queue=${patterns}`);
  const id = actionIdOf(await sendPreview(browser, shown, { canary: "2" }));
  await until("two are sent", async () => ((await queued()) === 2 ? true : undefined));
  await drainAll(system);
  await ended(id, "paused");
  const words = wordsOf(await browser.get(`/actions/${id}`));
  expect(words).toContain("2 of the first 2 were dead-lettered again");
  expect(await waiting()).toBe(5);
});

test("a discard is undone from its page for as long as its archive is kept", async () => {
  await putDeadLetters(system.singularity, 3);
  const before = await rowsOf(system.singularity, `q_${patterns}-dlq`);
  const browser = await (await consoles.start()).signIn();
  const id = actionIdOf(
    await sendPreview(browser, await preview(browser, `do=discard&queue=${patterns}`)),
  );
  await ended(id);
  expect(await waiting()).toBe(0);
  const page = await browser.get(`/actions/${id}`);
  expect(page.text).toContain(`/actions/new?do=restore&amp;action=${id}`);
  const shown = await preview(browser, `do=restore&action=${id}`);
  expect(wordsOf(shown)).toContain("Would be put back 3");
  await ended(actionIdOf(await sendPreview(browser, shown)));
  expect(await rowsOf(system.singularity, `q_${patterns}-dlq`)).toEqual(before);
  expect(wordsOf(await preview(browser, `do=restore&action=${id}`))).toContain(
    "No discarded dead letter is chosen",
  );
});

test("a restore puts back no more than its preview has shown", async () => {
  await putDeadLetters(system.singularity, 2);
  const browser = await (await consoles.start()).signIn();
  const discard = async () => {
    const shown = await preview(browser, `do=discard&queue=${patterns}`);
    await ended(actionIdOf(await sendPreview(browser, shown)));
  };
  await discard();
  const shown = await preview(browser, `do=restore&queue=${patterns}`);
  await putDeadLetters(system.singularity, 1);
  await discard();
  const refused = await sendPreview(browser, shown);
  expect(refused.status).toBe(409);
  expect(wordsOf(refused)).toContain("3 are chosen now, and the preview has shown 2");
  expect(await waiting()).toBe(0);
});

test("an export is asked for with a reason, on record, and loaded by whoever asked for it alone", async () => {
  const original = patternMessage({ pattern: { secret: "12345678901234567890" } });
  await putDeadLetter(system.singularity, { original });
  const roles = { rita: "look,reveal,operate", otto: "all", vera: "operator" };
  const console = await consoles.start(peopleWith(roles));
  const [rita, otto] = [await signInAs(console, "rita"), await signInAs(console, "otto")];
  const vera = await signInAs(console, "vera");
  const query = `do=export&queue=${patterns}`;
  expect((await vera.post("/actions", { do: "export", reason: "x" })).status).toBe(400);
  const id = actionIdOf(await sendPreview(rita, await preview(rita, query)));
  const file = `/dead-letters/exports/${id}`;
  expect((await rita.get(`/actions/${id}`)).text).toContain(`href="${file}"`);
  const loaded = await rita.get(file);
  expect(loaded.headers["content-disposition"]).toContain(`dead-letters-${id}.jsonl`);
  expect(loaded.text.trim().split("\n")).toHaveLength(1);
  expect(loaded.text).toContain("12345678901234567890");
  expect((await otto.get(file)).status).toBe(404);
  expect((await vera.get(file)).status).toBe(403);
  expect(await actionsIn(system)).toMatchObject([{ actor: "rita", action: "reveal" }]);
  // Another session of hers asks for it again, on record.
  expect((await (await signInAs(console, "rita")).get(file)).status).toBe(404);
});

test("who may not act sees what an action would do, and is told which right is missing", async () => {
  await putDeadLetter(system.singularity);
  const console = await consoles.start(peopleWith({ vera: "viewer", ann: "operator" }));
  const [vera, ann] = [await signInAs(console, "vera"), await signInAs(console, "ann")];
  const seen = await preview(vera, `do=discard&queue=${patterns}`);
  expect(wordsOf(seen)).toContain("Dead letters 1");
  expect(wordsOf(seen)).toContain("takes the right to operate");
  const shown = await preview(ann, `do=discard&queue=${patterns}`);
  const id = actionIdOf(await sendPreview(ann, shown, { reason: "private words" }));
  await ended(id);
  expect((await vera.post("/actions", hiddenFields(shown, "/actions"))).status).toBe(403);
  for (const path of ["/actions", `/actions/${id}`]) {
    const page = wordsOf(await vera.get(path));
    expect(page).toContain("somebody else");
    expect(page).not.toContain("private words");
    expect(wordsOf(await ann.get(path))).toContain("private words");
  }
});

test("the list of actions is read page by page, and has those on top that are not at their end", async () => {
  await putDeadLetters(system.singularity, 4);
  const browser = await (await consoles.start()).signIn();
  const ids: string[] = [];
  const rows = await rowsOf(system.singularity, `q_${patterns}-dlq`);
  for (const { msg_id: deadLetter } of rows.slice(0, 3)) {
    const shown = await preview(browser, `do=discard&id=${deadLetter}`);
    ids.push(actionIdOf(await sendPreview(browser, shown)));
    await ended(ids.at(-1) ?? "");
  }
  const first = await browser.get("/actions?limit=2&state=done");
  const listed = (text: string) =>
    [...text.matchAll(/href="\/actions\/(\d+)"/g)].map(([, id]) => id);
  expect(listed(first.text)).toEqual([ids[2], ids[1]]);
  const next = /href="([^"]*)" rel="next"/.exec(first.text)?.[1]?.replaceAll("&amp;", "&") ?? "";
  expect(listed((await browser.get(next)).text)).toEqual([ids[0]]);
  expect((await browser.get("/actions?state=odd")).status).toBe(400);
});

test("each command that a preview shows does the same in a terminal", async () => {
  await putDeadLetter(system.singularity);
  await putDeadLetter(system.singularity, { reason: "rejected", code: "23514" });
  const browser = await (await consoles.start()).signIn();
  const shown = await preview(browser, "do=discard&dead-letter-reason=rejected&since=1h&rate=10");
  const words = wordsOf(shown);
  expect(words).toContain(
    "centralcloud dlq discard --dead-letter-reason rejected --since 3600s --rate 10 --dry-run",
  );
  const digest = hiddenFields(shown, "/actions").digest?.[0] ?? "";
  const told = ["--dead-letter-reason", "rejected", "--since", "3600s", "--digest", digest];
  const done = await runCommand(
    ["dlq", "discard", ...told, "--reason", "as shown"],
    environmentOf(system),
  );
  expect(done).toMatchObject({ exitCode: 0 });
  expect(await waiting()).toBe(1);
  const [last] = await listActions(system.central.pool, { limit: 1 });
  expect(last).toMatchObject({ kind: "discard", moved: 1, channel: "cli" });
});
