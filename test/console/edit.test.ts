import { readAction } from "@centralcloud/central";
import { afterEach, expect, test } from "vitest";
import { type Browser, useConsole } from "../support/console.ts";
import { actionIdOf, editorText, wordsOf } from "../support/console-pages.ts";
import { peopleWith, signInAs } from "../support/console-people.ts";
import { drainAll } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import {
  actionsIn,
  emptyQueues,
  patterns,
  putDeadLetter,
  rowsOf,
} from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const consoles = useConsole(system);
afterEach(() => emptyQueues(system));

const pathOf = (id: string) => `/dead-letters/${system.singularity.name}/${patterns}/${id}/edit`;
const waiting = async () => (await rowsOf(system.singularity, `q_${patterns}-dlq`)).length;
const big = "12345678901234567890.10";
const original = patternMessage({ confidence: 2 }).replace('"source"', `"big":${big},"source"`);

async function open(browser: Browser, id: string) {
  const editor = await browser.post(pathOf(id), { step: "open", reason: "repairing" });
  const text = editorText(editor);
  const send = (step: string, changed: string, reason = "repairing") =>
    browser.post(pathOf(id), { step, text: changed, reason });
  return { editor, text, send };
}

test("what a contract refuses is sent back with the text, its faults at their places and the difference; repaired, it is sent and merged", async () => {
  const id = await putDeadLetter(system.singularity, { original });
  const browser = await (await consoles.start()).signIn();
  const { editor, text, send } = await open(browser, id);
  expect(text).toContain(`"big": ${big}`);
  expect(editor.text).toContain("json-line noted");
  const bad = text.replace('"confidence": 2', '"confidence": 7');
  // As browsers send the lines of a form.
  const refused = await send("send", bad.replaceAll("\n", "\r\n"));
  expect(refused.status).toBe(422);
  expect(editorText(refused)).toBe(bad);
  expect(refused.text).toContain("json-line noted");
  expect(wordsOf(refused)).toContain('- "confidence": 2');
  expect(wordsOf(refused)).toContain('+ "confidence": 7');
  expect(await waiting()).toBe(1);

  const good = text.replace('"confidence": 2', '"confidence": 0.5');
  const checked = await send("check", good);
  expect(checked.status).toBe(200);
  expect(wordsOf(checked)).toContain("The contract accepts the changed message");
  expect(wordsOf(checked)).toContain('+ "confidence": 0.5');
  expect(checked.text.match(/<(?:ins|del)/g)).toHaveLength(2);
  expect(await waiting()).toBe(1);

  const action = actionIdOf(await send("send", good));
  await until("it is done", async () => {
    return (await readAction(system.central.pool, action))?.state === "done" ? true : undefined;
  });
  const [sent] = await rowsOf(system.singularity, `q_${patterns}`);
  expect(sent?.message).toContain(big);
  await drainAll(system);
  const page = await until("its outcome is told", async () => {
    const answer = await browser.get(`/actions/${action}`);
    return wordsOf(answer).includes("1 merged") ? answer : undefined;
  });
  expect(wordsOf(page)).toContain("Of 1 changed message sent: 1 merged");
  const records = await actionsIn(system);
  expect(records.map(({ action: kind, reason }) => [kind, reason])).toEqual([
    ["reveal", "repairing"],
    ["edit", "repairing"],
  ]);
});

test("what is no JSON, is unchanged or lacks a reason is refused, and the text is kept", async () => {
  const id = await putDeadLetter(system.singularity, { original });
  const browser = await (await consoles.start()).signIn();
  const { text, send } = await open(browser, id);
  const broken = `${text.trim()},,`;
  const noJson = await send("check", broken);
  expect(noJson.status).toBe(422);
  expect(wordsOf(noJson)).toContain("not JSON");
  expect(editorText(noJson)).toBe(broken);
  const same = await send("send", text);
  expect(same.status).toBe(422);
  expect(wordsOf(same)).toContain("the text is unchanged");
  const noReason = await send("send", `${text} `, "");
  expect(noReason.status).toBe(422);
  expect(editorText(noReason)).toBe(`${text} `);
  expect(await waiting()).toBe(1);
});

test("a session that ended in a half-written edit loses nothing: what was typed is sent after signing in", async () => {
  const id = await putDeadLetter(system.singularity, { original });
  const console = await consoles.start(peopleWith({ ann: "all" }));
  const { text } = await open(await signInAs(console, "ann"), id);
  const changed = text.replace('"confidence": 2', '"confidence": 0.25');
  const stranger = console.browser();
  const ended = await stranger.post(pathOf(id), {
    step: "send",
    text: changed,
    reason: "repairing",
  });
  expect(ended.status).toBe(401);
  expect(ended.text).toContain("0.25");
  expect(wordsOf(ended)).toContain("nothing that you typed is lost");
  expect(await waiting()).toBe(1);
  const again = await (await signInAs(console, "ann")).post(pathOf(id), {
    step: "send",
    text: changed,
    reason: "repairing",
  });
  await until("it is sent", async () => ((await waiting()) === 0 ? true : undefined));
  expect(actionIdOf(again)).toMatch(/^\d+$/);
});

test("of two who edit one dead letter the second sends nothing, is told, and keeps the text", async () => {
  const id = await putDeadLetter(system.singularity, { original });
  const browser = await (await consoles.start()).signIn();
  const first = await open(browser, id);
  const second = await open(browser, id);
  await first.send("send", first.text.replace('"confidence": 2', '"confidence": 0.1'));
  await until("it is sent", async () => ((await waiting()) === 0 ? true : undefined));
  const late = await second.send(
    "send",
    second.text.replace('"confidence": 2', '"confidence": 0.2'),
  );
  expect(late.status).toBe(409);
  expect(editorText(late)).toContain("0.2");
  expect(wordsOf(late)).toContain("in the archive already");
  expect(await rowsOf(system.singularity, `q_${patterns}`)).toHaveLength(1);
});

test("an editor takes the right to reveal beside that to operate", async () => {
  const id = await putDeadLetter(system.singularity, { original });
  const roles = { vera: "operator", ann: "look,operate,reveal" };
  const console = await consoles.start(peopleWith(roles));
  const vera = await signInAs(console, "vera");
  expect(wordsOf(await vera.get(pathOf(id)))).toContain("takes the right to reveal");
  const refused = await vera.post(pathOf(id), { step: "open", reason: "x" });
  expect(refused).toMatchObject({ status: 400, text: expect.not.stringContaining(big) });
  const ann = await signInAs(console, "ann");
  await ann.post(pathOf(id), { step: "check", reason: "x", text: "{}" });
  expect(await actionsIn(system)).toMatchObject([{ actor: "ann", action: "reveal" }]);
});
