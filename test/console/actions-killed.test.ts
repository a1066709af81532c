import { readAction } from "@centralcloud/central";
import { afterEach, expect, test } from "vitest";
import { environmentOf, startCommand } from "../support/command.ts";
import { createBrowser, useConsole } from "../support/console.ts";
import { actionIdOf, sendPreview, wordsOf } from "../support/console-pages.ts";
import { useSystem } from "../support/databases.ts";
import { emptyQueues, patterns, putDeadLetters, rowsOf } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { runCommand } from "../support/run-command.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const consoles = useConsole(system);
afterEach(() => emptyQueues(system));

const deadLetters = 300;

/** Starts a console of its own process, lets it replay everything slowly, and kills it in the middle of that. */
async function beginAndKill(): Promise<string> {
  await putDeadLetters(system.singularity, deadLetters);
  const console = startCommand(["console"], { ...environmentOf(system), CONSOLE_PORT: "0" });
  try {
    const link = await until("it prints its link", async () => {
      const found = /Open the console: (\S+)/.exec(console.errors());
      return found?.[1] === undefined ? undefined : new URL(found[1]);
    });
    const browser = createBrowser(Number(link.port));
    await browser.post("/login", { code: link.searchParams.get("code") ?? "" });
    const preview = await browser.get(`/actions/new?do=replay&queue=${patterns}&rate=50`);
    const id = actionIdOf(await sendPreview(browser, preview, { rate: "50" }));
    await until("a part is sent", async () => {
      const { moved = 0 } = (await readAction(system.central.pool, id)) ?? {};
      return moved > 20 ? true : undefined;
    });
    return id;
  } finally {
    console.child.kill("SIGKILL");
    await console.finished;
  }
}

async function expectSentOnce(id: string): Promise<void> {
  const sent = await rowsOf(system.singularity, `q_${patterns}`);
  expect(sent).toHaveLength(deadLetters);
  expect(new Set(sent.map(({ message }) => message)).size).toBe(deadLetters);
  expect(await readAction(system.central.pool, id)).toMatchObject({
    state: "done",
    moved: deadLetters,
    remaining: 0,
  });
}

test("what a console replays that is killed in the middle, another console continues with by itself, and each message is sent once", async () => {
  const id = await beginAndKill();
  const console = await consoles.start();
  const browser = await console.signIn();
  // Faster from here on; an operator may do that while nobody runs it.
  await browser.post(`/actions/${id}/rate`, { rate: "none" });
  await until("the other console has ended it", async () => {
    const found = await readAction(system.central.pool, id);
    return found?.state === "done" && found.runner === null ? true : undefined;
  });
  await expectSentOnce(id);
  expect(wordsOf(await browser.get(`/actions/${id}`))).toContain("done");
});

test("the command line continues with what a console left, too", async () => {
  const id = await beginAndKill();
  const resumed = await runCommand(["actions", "resume", id], environmentOf(system));
  expect(resumed).toMatchObject({ exitCode: 0 });
  await expectSentOnce(id);
});
