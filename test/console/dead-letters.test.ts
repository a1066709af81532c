import { afterEach, expect, test } from "vitest";
import { useConsole } from "../support/console.ts";
import { actionIdOf, wordsOf } from "../support/console-pages.ts";
import { peopleWith, signInAs } from "../support/console-people.ts";
import { drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import {
  actionsIn,
  emptyQueues,
  patterns,
  putDeadLetter,
  putOddDeadLetter,
} from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";

const system = useSystem();
failOnLeaks(system);
const consoles = useConsole(system);
afterEach(() => emptyQueues(system));

const source = () => system.singularity.name;
const pathOf = (id: string, below = "") => `/dead-letters/${source()}/${patterns}/${id}${below}`;
const idsIn = (text: string) =>
  [...text.matchAll(/href="\/dead-letters\/[^/"]+\/[^/"]+\/(\d+)"/g)].map(([, id]) => id);

test("the list shows dead letters newest first, masked, and the command that shows the same", async () => {
  const original = patternMessage({ confidence: 2, pattern: { secret: "word" } });
  const older = await putDeadLetter(system.singularity, { original, at: "2026-01-01T00:00:00Z" });
  const newer = await putDeadLetter(system.singularity, { original });
  const browser = await (await consoles.start()).signIn();
  const page = await browser.get(`/dead-letters?queue=${patterns}`);
  expect(page.status).toBe(200);
  expect(idsIn(page.text)).toEqual([newer, older]);
  expect(page.text).not.toContain("secret");
  expect(wordsOf(page)).toContain(`centralcloud dlq list --queue ${patterns}`);
});

test("pages follow each other by where the last one ended, each dead letter once, though new ones come", async () => {
  const put = async () => await putDeadLetter(system.singularity);
  const all = [await put(), await put(), await put(), await put(), await put()];
  const browser = await (await consoles.start()).signIn();
  const seen: (string | undefined)[] = [];
  let path: string | undefined = "/dead-letters?limit=2";
  while (path !== undefined) {
    const { text } = await browser.get(path);
    seen.push(...idsIn(text));
    await put();
    path = /href="([^"]*)" rel="next"/.exec(text)?.[1]?.replaceAll("&amp;", "&");
  }
  expect(seen).toEqual(all.reverse());
});

test("the list takes the filters of the command line, and refuses what it does not know", async () => {
  const refused = await putDeadLetter(system.singularity, { code: "out_of_range" });
  const rejected = await putDeadLetter(system.singularity, { reason: "rejected", code: "23514" });
  const old = await putDeadLetter(system.singularity, { at: "2026-01-01T00:00:00Z", code: "old" });
  const browser = await (await consoles.start()).signIn();
  const shown = async (query: string) => idsIn((await browser.get(`/dead-letters?${query}`)).text);
  expect(await shown("dead-letter-reason=rejected")).toEqual([rejected]);
  expect(await shown("code=out_of_range&code=23514")).toEqual([rejected, refused]);
  expect(await shown("until=2026-01-02")).toEqual([old]);
  expect(await shown("since=1h")).toEqual([rejected, refused]);
  expect(await shown("text=agent-1&since=1h")).toEqual([rejected, refused]);
  expect(await shown("path=%24.confidence+%3E+5")).toEqual([]);
  for (const query of [
    "reasn=rejected",
    "dead-letter-reason=nonsense",
    "queue=nonsense",
    "since=soon",
  ]) {
    const { status, text } = await browser.get(`/dead-letters?${query}`);
    expect({ query, status }).toEqual({ query, status: 400 });
    expect(idsIn(text)).toEqual([]);
  }
});

test("who may not reveal contents may not filter by them either, in no page", async () => {
  const console = await consoles.start(peopleWith({ vera: "look,operate" }));
  const browser = await signInAs(console, "vera");
  for (const path of ["/dead-letters", "/dead-letters/groups", "/actions/new?do=replay"]) {
    for (const filter of ["text=agent-1", "path=%24.confidence"]) {
      const answer = await browser.get(`${path}${path.includes("?") ? "&" : "?"}${filter}`);
      expect(answer.status).toBe(400);
      expect(wordsOf(answer)).toContain("it takes the right to reveal them");
    }
  }
  const sent = await browser.post("/actions", { do: "discard", text: "agent-1", reason: "x" });
  expect(sent.status).toBe(400);
  expect(await actionsIn(system)).toEqual([]);
});

test("causes show how many, since when, from where, and what would become of a sample now", async () => {
  const bad = { original: patternMessage({ confidence: 2 }) };
  await putDeadLetter(system.singularity, { ...bad, at: "2026-01-01T00:00:00Z" });
  await putDeadLetter(system.singularity, { ...bad, at: "2026-01-01T05:00:00Z" });
  await putDeadLetter(system.singularity, {
    reason: "rejected",
    code: "23514",
    error: "no such agent",
  });
  const browser = await (await consoles.start()).signIn();
  const list = await browser.get("/dead-letters/groups");
  expect(wordsOf(list)).toContain("2 × invalid: confidence must be between 0 and 1");
  expect(wordsOf(list)).toContain("Would be accepted now: 0 of 2 sampled");
  expect(wordsOf(list)).toContain("Would be accepted now: 1 of 1 sampled");
  const [, fingerprint] = /\/dead-letters\/groups\/([0-9a-f]{16})/.exec(list.text) ?? [];
  const group = await browser.get(`/dead-letters/groups/${fingerprint}`);
  expect(group.status).toBe(200);
  expect(group.text).toContain('class="trend"');
  expect(group.text).toContain("2026-01-01 05:00Z: 1");
  expect(wordsOf(group)).toContain(source());
  expect(wordsOf(group)).toContain(`centralcloud dlq groups --fingerprint ${fingerprint}`);
  expect((await browser.get("/dead-letters/groups/nonsense")).status).toBe(404);
  const gone = await browser.get("/dead-letters/groups/0123456789abcdef");
  expect(wordsOf(gone)).toContain("No dead letter of this group is left");
});

test("what is wrong is painted at its place, and every digit of a number is kept", async () => {
  await queuesOf(system).send(
    patterns,
    patternMessage({ confidence: 2 }).replace('"source"', '"big":12345678901234567890.10,"source"'),
  );
  await drainAll(system);
  const browser = await (await consoles.start()).signIn();
  const [id = ""] = idsIn((await browser.get("/dead-letters")).text);
  const masked = await browser.get(pathOf(id));
  expect(masked.text).toMatch(
    /class="json-line noted"[^>]*>(?:(?!<\/div>)[\s\S])*confidence(?:(?!<\/div>)[\s\S])*must be/,
  );
  expect(masked.text).not.toContain("12345678901234567890");
  expect(wordsOf(masked)).toContain("Its message would be refused again");
  const shown = await browser.post(pathOf(id, "/reveal"), { reason: "looking for the cause" });
  expect(shown.status).toBe(200);
  expect(shown.text).toContain("12345678901234567890.10");
});

test("contents are shown by a form with a reason only, and who looked is on record", async () => {
  const original = patternMessage({ pattern: { secret: "word" } });
  const id = await putDeadLetter(system.singularity, { original });
  const console = await consoles.start(peopleWith({ vera: "viewer", rita: "look,reveal" }));
  const vera = await signInAs(console, "vera");
  const rita = await signInAs(console, "rita");
  for (const path of [pathOf(id), pathOf(id, "/raw"), pathOf(id, "/edit")]) {
    expect((await rita.get(path)).text).not.toContain("secret");
  }
  expect((await vera.post(pathOf(id, "/reveal"), { reason: "curious" })).status).toBe(403);
  const refused = await rita.post(pathOf(id, "/reveal"), {});
  expect(refused).toMatchObject({ status: 422, text: expect.not.stringContaining("secret") });
  expect(await actionsIn(system)).toEqual([]);
  const shown = await rita.post(pathOf(id, "/reveal"), { reason: "ticket 7" });
  expect(shown.text).toContain("secret");
  expect(await actionsIn(system)).toMatchObject([
    { actor: "rita", action: "reveal", reason: "ticket 7", finished: true },
  ]);
});

test("a dead letter that was discarded says by which action, and links to what undoes it", async () => {
  const id = await putDeadLetter(system.singularity);
  const browser = await (await consoles.start()).signIn();
  const preview = await browser.get(`/actions/new?do=discard&id=${id}`);
  const digest = / name="digest" value="([^"]*)"/.exec(preview.text)?.[1] ?? "";
  const sent = await browser.post("/actions", { do: "discard", id, digest, reason: "no use" });
  const action = actionIdOf(sent);
  const page = await browser.get(pathOf(id));
  expect(wordsOf(page)).toContain("It was discarded, and waits no more");
  expect(page.text).toContain(`href="/actions/${action}"`);
  expect(page.text).toContain("/actions/new?do=restore");
});

test("what there is not is not found, at which source and queue ever", async () => {
  const id = await putDeadLetter(system.singularity);
  const browser = await (await consoles.start()).signIn();
  for (const path of [
    pathOf("999999"),
    pathOf("nonsense"),
    `/dead-letters/nowhere/${patterns}/${id}`,
    `/dead-letters/${source()}/no-queue/${id}`,
    "/dead-letters/exports/1",
  ]) {
    expect({ path, status: (await browser.get(path)).status }).toEqual({ path, status: 404 });
  }
});

const markup = `<script>alert("x")</script><img src=x onerror=alert(1)>"'>`;
/** With a sign that turns around what stands behind it. */
const evil = `${markup}\u202e`;

test("whatever a source has written into a dead letter, it is text and never markup", async () => {
  const id = await putDeadLetter(system.singularity, {
    original: JSON.stringify({ [evil]: evil, agent_id: evil, pattern: evil }),
    originalHeaders: JSON.stringify({ [evil]: evil, traceparent: evil }),
    reason: evil,
    code: evil,
    error: evil,
    originalEnqueuedAt: evil,
  });
  const odd = await putOddDeadLetter(
    system.singularity,
    JSON.stringify({
      reason: [evil],
      error: evil,
      original_message_id: evil,
      attempts: [{ at: evil, consumer: evil, error: { code: evil, message: evil } }],
      consumer: evil,
      dead_lettered_at: evil,
    }),
    JSON.stringify({ [evil]: evil, action: evil }),
  );
  const browser = await (await consoles.start()).signIn();
  const answers = [
    await browser.get("/dead-letters"),
    await browser.get(`/dead-letters?code=${encodeURIComponent(markup)}`),
    await browser.get("/dead-letters/groups"),
    await browser.get("/actions/new?do=replay&all=yes"),
  ];
  for (const one of [id, odd]) {
    answers.push(await browser.get(pathOf(one)));
    answers.push(await browser.post(pathOf(one, "/reveal"), { reason: markup }));
  }
  answers.push(await browser.post(pathOf(id, "/edit"), { step: "open", reason: markup }));
  answers.push(
    await browser.post(pathOf(id, "/edit"), {
      step: "check",
      reason: markup,
      text: `{"a":"${markup}`,
    }),
  );
  answers.push(await browser.get("/actions"));
  for (const { status, text } of answers) {
    expect(status).toBeLessThan(500);
    expect(text).not.toContain("<script>alert");
    expect(text).not.toContain("<img");
    expect(text).not.toContain("\u202e");
  }
});

test("a list with nothing ticked chooses nothing, rather than everything", async () => {
  const id = await putDeadLetter(system.singularity);
  const browser = await (await consoles.start()).signIn();
  const list = await browser.get(`/dead-letters?queue=${patterns}`);
  expect(list.text).toContain(`name="id" value="${id}"`);
  const none = await browser.get(`/actions/new?queue=${patterns}&chosen=yes&do=replay`);
  expect(none.status).toBe(400);
  const one = await browser.get(`/actions/new?queue=${patterns}&chosen=yes&do=replay&id=${id}`);
  expect(wordsOf(one)).toContain(`dead letter ${id}`);
});
