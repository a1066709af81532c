import { createLooks } from "@centralcloud/console";
import { afterEach, beforeAll, expect, test } from "vitest";
import { useConsole } from "../support/console.ts";
import { sendPreview, wordsOf } from "../support/console-pages.ts";
import { peopleWith, signInAs } from "../support/console-people.ts";
import { drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { actionsIn, emptyQueues, patterns, putDeadLetter } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { withSilentServer } from "../support/silent-server.ts";
import { until } from "../support/until.ts";

/* Contents are shown once for each reason that is put on record, whatever page shows them. */

const system = useSystem();
failOnLeaks(system);
const consoles = useConsole(system);
afterEach(() => emptyQueues(system));

const secret = "hidden words";
const original = patternMessage({ pattern: { secret }, confidence: 2 });
let fingerprint = "";
beforeAll(async () => {
  await queuesOf(system).send(patterns, patternMessage({ agent_id: "a", pattern: { secret } }));
  await drainAll(system);
  const { rows } = await system.central.pool.query<{ fingerprint: string }>(
    "select encode(fingerprint, 'hex') as fingerprint from central.patterns",
  );
  fingerprint = rows[0]?.fingerprint ?? "";
});

const pathOf = (id: string) => `/dead-letters/${system.singularity.name}/${patterns}/${id}`;

test("a page with contents that is loaded again shows nothing, says what to do, and is on record once", async () => {
  const msgId = `${await queuesOf(system).send(patterns, original)}`;
  const id = await putDeadLetter(system.singularity, { original });
  const browser = await (await consoles.start()).signIn();
  const message = `/messages/${system.singularity.name}/${patterns}/${msgId}`;
  const forms = [
    { page: pathOf(id), to: `${pathOf(id)}/reveal` },
    { page: `${pathOf(id)}/edit`, to: `${pathOf(id)}/edit` },
    { page: message, to: `${message}/reveal` },
    { page: `/patterns/${fingerprint}`, to: `/patterns/${fingerprint}/reveal` },
    { page: "/agents/a", to: "/agents/a/reveal" },
    { page: "/changes?limit=7", to: "/changes/reveal?limit=7" },
  ];
  for (const [index, { page, to }] of forms.entries()) {
    const fields = {
      reason: "ticket 7",
      "form-key": crypto.randomUUID(),
      ...(to.endsWith("/edit") ? { step: "open" } : {}),
    };
    expect({ to, status: (await browser.post(to, fields)).status }).toEqual({ to, status: 200 });
    for (const reason of ["ticket 7", "another"]) {
      const again = await browser.post(to, { ...fields, reason });
      expect({ to, status: again.status }).toEqual({ to, status: 409 });
      expect(wordsOf(again)).toContain("This form was sent before");
      expect(again.text).toContain(`href="${page}"`);
      expect(again.text).not.toContain(secret);
    }
    expect(await actionsIn(system)).toHaveLength(index + 1);
  }
});

test("each opening of an editor is on record, and a text is compared with the message by an opening of this session", async () => {
  const id = await putDeadLetter(system.singularity, { original });
  const console = await consoles.start(peopleWith({ ann: "all" }));
  const edit = `${pathOf(id)}/edit`;
  const first = await signInAs(console, "ann");
  for (const reason of ["one", "two"]) {
    expect((await first.post(edit, { step: "open", reason })).text).toContain(secret);
  }
  const reasons = async () => (await actionsIn(system)).map(({ reason }) => reason);
  expect(await reasons()).toEqual(["one", "two"]);
  const compared = await first.post(edit, { step: "check", reason: "three", text: "{}" });
  expect(compared.text).toContain(secret);
  expect(await reasons()).toEqual(["one", "two"]);
  const second = await signInAs(console, "ann");
  await second.post(edit, { step: "check", reason: "four", text: "{}" });
  expect(await reasons()).toEqual(["one", "two", "four"]);
  // A record that is named is no opening.
  const named = await second.post(edit, { step: "check", reason: "x", text: "{}", looked: "1" });
  expect(named.status).toBe(422);
});

test("a look is over after a quarter of an hour, and is that of its session and of what it showed", () => {
  let ms = 0;
  const looks = createLooks(() => ms);
  looks.of("session").opened("a dead letter");
  ms = 14 * 60_000;
  expect(looks.of("session").isOpen("a dead letter")).toBe(true);
  expect(looks.of("session").isOpen("another")).toBe(false);
  expect(looks.of("another").isOpen("a dead letter")).toBe(false);
  ms = 16 * 60_000;
  expect(looks.of("session").isOpen("a dead letter")).toBe(false);
});

test("who asks twice for the same action by one form is told, and gets a new preview", async () => {
  await putDeadLetter(system.singularity, { original });
  const browser = await (await consoles.start()).signIn();
  const fields = { do: "export", queue: patterns, "form-key": crypto.randomUUID() };
  expect((await browser.post("/actions", { ...fields, reason: "one" })).status).toBe(303);
  const other = await (await consoles.start()).signIn();
  const again = await other.post("/actions", { ...fields, reason: "two" });
  expect(again.status).toBe(409);
  expect(wordsOf(again)).toContain("this form was sent before");
  expect(again.text).not.toContain(fields["form-key"]);
  expect(await actionsIn(system)).toHaveLength(1);
});

test("what is put on record waits for no central store that says nothing, and shows nothing then", async () => {
  const id = await putDeadLetter(system.singularity, { original });
  await withSilentServer(async ({ url }) => {
    const browser = await (await consoles.start({ CENTRAL_DATABASE_URL: url })).signIn();
    const began = performance.now();
    const answers = await Promise.all([
      browser.post(`${pathOf(id)}/reveal`, { reason: "looking" }),
      browser.post(`${pathOf(id)}/edit`, { reason: "looking", step: "open" }),
      browser.post("/changes/reveal", { reason: "looking" }),
      browser.post("/actions", { do: "export", queue: patterns, reason: "looking" }),
      browser.post("/actions/1/pause", {}),
    ]);
    expect(performance.now() - began).toBeLessThan(15_000);
    for (const { status, text } of answers) {
      expect([409, 503]).toContain(status);
      expect(text).toContain("silent");
      expect(text).not.toContain(secret);
    }
  });
});

test("neither a page nor a reveal tells what others did to who has no right to see it", async () => {
  const roles = { ann: "operator", vera: "look,reveal,operate", rita: "all" };
  const console = await consoles.start(peopleWith(roles));
  const session = { agent_id: "b", session_id: "s", synced_at: "2025-10-25T10:00:00Z" };
  await putDeadLetter(system.singularity, { original: patternMessage({ agent_id: "b" }) });
  await putDeadLetter(system.singularity, {
    queue: "agent-sessions",
    original: JSON.stringify({ ...session, session_state: { secret } }),
  });
  const ann = await signInAs(console, "ann");
  for (const queue of [patterns, "agent-sessions"]) {
    const preview = await ann.get(`/actions/new?do=discard&queue=${queue}`);
    await sendPreview(ann, preview, { reason: "a reason of hers" });
  }
  const told = /a reason of hers|planned by ann/;
  const { name } = system.singularity;
  const message = `/messages/${name}/${patterns}/42`;
  const pages = [message, "/messages?message=42", "/agents/b", `/sessions/${name}/s`];
  const reveals = [`${message}/reveal`, "/agents/b/reveal"];
  const [vera, rita] = [await signInAs(console, "vera"), await signInAs(console, "rita")];
  await until("all of it is told to who may see it", async () => {
    const answers = await Promise.all(pages.map((path) => rita.get(path)));
    return answers.every(({ text }) => told.test(text)) ? true : undefined;
  });
  for (const path of pages) {
    const { status, text } = await vera.get(path);
    expect({ path, status, isTold: told.test(text) }).toEqual({ path, status: 200, isTold: false });
    expect(text).toContain("takes the right audit");
  }
  for (const path of reveals) {
    const { status, text } = await vera.post(path, { reason: "looking" });
    expect({ path, status, isTold: told.test(text) }).toEqual({ path, status: 200, isTold: false });
    expect(text).toContain("takes the right audit");
    expect((await rita.post(path, { reason: "looking" })).text).toMatch(told);
  }
  for (const path of ["/actions", "/actions?state=done"]) {
    expect((await rita.get(path)).text).toMatch(told);
    expect((await vera.get(path)).text).not.toMatch(told);
  }
});
