import type { Page } from "playwright-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { browserMissing, expectRefusals, overflowOf, useBrowser } from "../support/browser.ts";
import { useConsole } from "../support/console.ts";
import { peopleWith, tokenOf } from "../support/console-people.ts";
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

/* The evening of docs/operate/dead-letters.md, by clicks in a real browser. */

const system = useSystem();
failOnLeaks(system);
const consoles = useConsole(system);
const browsers = useBrowser();

const big = "12345678901234567890.10";
const original = patternMessage({ confidence: 2 }).replace('"source"', `"big":${big},"source"`);
const waiting = async () => (await rowsOf(system.singularity, `q_${patterns}-dlq`)).length;
const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });
const link = (page: Page, name: string | RegExp) => page.getByRole("link", { name });
/** An id may be part of other links of the page that is being left. */
const exactLink = (page: Page, name: string) => page.getByRole("link", { name, exact: true });

/** Waits for words of the page; loads it again where no script does. */
async function untilSaid(page: Page, words: string, hasScripts: boolean): Promise<void> {
  const found = page.getByText(words).first();
  for (let look = 0; look < 20; look++) {
    if (!hasScripts) await page.reload();
    const seen = await found.waitFor({ timeout: 1_000 }).then(
      () => true,
      () => false,
    );
    if (seen) return;
  }
  throw new Error(`the page does not say ${words}: ${await page.locator("main").textContent()}`);
}

async function replaceInEditor(page: Page, from: string, to: string): Promise<void> {
  const editor = page.getByLabel("The message", { exact: true }).last();
  await editor.fill((await editor.inputValue()).replace(from, to));
}

describe.skipIf(browserMissing !== undefined)(
  `in a browser (${browserMissing ?? "chromium"})`,
  () => {
    let id = "";
    beforeEach(async () => {
      id = await putDeadLetter(system.singularity, { original });
    });
    afterEach(() => emptyQueues(system));

    for (const javaScriptEnabled of [true, false]) {
      const how = javaScriptEnabled ? "by clicks" : "by clicks, without scripts";

      test(`what is wrong is found from the first page, repaired, sent and merged: ${how}`, async () => {
        const console = await consoles.start();
        const opened = await browsers.openSignedIn(console, { javaScriptEnabled });
        const { page } = opened;
        await untilSaid(page, "1 dead letter", javaScriptEnabled);
        await link(page, /1 dead letter/)
          .first()
          .click();
        await page.locator(".group h2 a").first().click();
        await exactLink(page, id).first().click();
        await page.getByText("Its message would be refused again").waitFor();
        const painted = page.locator(".json-line.noted");
        expect(await painted.textContent()).toContain("confidence must be");
        await link(page, "Edit and send it…").click();
        await page.getByLabel("Reason").fill("the producer is repaired");
        await button(page, "Open the editor").click();
        await replaceInEditor(page, '"confidence": 2', '"confidence": 7');
        await button(page, "Check, and show what changes").click();
        await page.getByText("Nothing was sent").waitFor();
        expect(await button(page, "Send it").count()).toBe(0);
        await replaceInEditor(page, '"confidence": 7', '"confidence": 0.5');
        await button(page, "Check again").click();
        expect(await page.locator("ins").textContent()).toContain('"confidence": 0.5');
        await button(page, "Send it").click();
        await page.waitForURL(/\/actions\/\d+/);
        await untilSaid(page, "Of 1 changed message sent", javaScriptEnabled);
        await drainAll(system);
        await untilSaid(page, "1 merged", javaScriptEnabled);
        expect(await waiting()).toBe(0);
        const [archived] = await rowsOf(system.singularity, `a_${patterns}`);
        expect(archived?.message).toContain(big);
        expect((await actionsIn(system)).map(({ action }) => action)).toEqual(["reveal", "edit"]);
        expectRefusals(opened, 422);
      });

      test(`a dead letter is discarded, and put back: ${how}`, async () => {
        const console = await consoles.start();
        const { page } = await browsers.openSignedIn(console, { javaScriptEnabled });
        await page.goto(`/dead-letters/${system.singularity.name}/${patterns}/${id}`);
        await link(page, "Discard it…").click();
        await page.getByLabel("Reason").fill("it is not wanted");
        await button(page, "Discard 1 dead letter").click();
        await page.waitForURL(/\/actions\/\d+/);
        await untilSaid(page, "1 of 1", javaScriptEnabled);
        expect(await waiting()).toBe(0);
        await page.reload();
        await link(page, /undo|put .*back/i)
          .first()
          .click();
        await page.getByLabel("Reason").fill("it was wanted");
        await button(page, /^Put 1 dead letter back/).click();
        await page.waitForURL(/\/actions\/\d+/);
        await untilSaid(page, "done", javaScriptEnabled);
        expect(await waiting()).toBe(1);
      });
    }

    test("what is sent by the keyboard alone is replayed, and one sees where one is all the way", async () => {
      const { page } = await browsers.openSignedIn(await consoles.start());
      await page.keyboard.press("Tab");
      expect(await focused(page)).toMatchObject({ text: "Skip to the content", isSeen: true });
      await page.keyboard.press("Enter");
      expect(await page.evaluate("document.activeElement.id")).toBe("content");
      await page.keyboard.press("g");
      await page.keyboard.press("d");
      await page.waitForURL("**/dead-letters/groups");
      await tabTo(page, /^1 × invalid/);
      await page.keyboard.press("Enter");
      await page.waitForURL(/groups\/./);
      await tabTo(page, new RegExp(`^${id}$`));
      await page.keyboard.press("Enter");
      await tabTo(page, /^Replay it/);
      await page.keyboard.press("Enter");
      await page.waitForURL(/\/actions\/new/);
      await tabTo(page, /^reason$/);
      await page.keyboard.type("by keyboard");
      await tabTo(page, /^Replay 1 dead letter/);
      await page.keyboard.press("Enter");
      await page.waitForURL(/\/actions\/\d+/);
      await untilSaid(page, "1 of 1", true);
      expect(await actionsIn(system)).toMatchObject([{ action: "replay", reason: "by keyboard" }]);
    });

    test("a session that ends in a half-written edit keeps the text, and it is sent after signing in", async () => {
      const console = await consoles.start(peopleWith({ ann: "all" }));
      const opened = await browsers.open(console);
      const { page } = opened;
      const signIn = async (where: Page) => {
        await where.locator('input[type="password"]').first().fill(tokenOf("ann"));
        await button(where, "Sign in").first().click();
      };
      await page.goto("/");
      await signIn(page);
      await page.goto(`/dead-letters/${system.singularity.name}/${patterns}/${id}/edit`);
      await page.getByLabel("Reason").fill("repairing");
      await button(page, "Open the editor").click();
      await replaceInEditor(page, '"confidence": 2', '"confidence": 0.25');
      await page.context().clearCookies();
      await button(page, "Check, and show what changes").click();
      await page.getByText("nothing that you typed is lost").waitFor();
      expect(await page.locator('textarea[name="text"]').inputValue()).toContain(
        '"confidence": 0.25',
      );
      const [tab] = await Promise.all([
        page.context().waitForEvent("page"),
        link(page, "Sign in in another tab").click(),
      ]);
      await signIn(tab);
      await tab.getByRole("heading", { level: 1 }).waitFor();
      await button(page, "Send it again").click();
      await page.getByText("The contract accepts the changed message").waitFor();
      expect(await waiting()).toBe(1);
      expectRefusals(opened, 401);
    });

    test("the back button leads to the list as it was filtered, and a form that was sent can be sent again", async () => {
      const { page } = await browsers.openSignedIn(await consoles.start());
      await page.goto("/dead-letters");
      await page.getByLabel("Code").fill("out_of_range");
      await button(page, "Show").click();
      await page.waitForURL(/code=out_of_range/);
      await exactLink(page, id).first().click();
      await page.waitForURL(new RegExp(`/${id}$`));
      await page.goBack();
      expect(await page.getByLabel("Code").inputValue()).toBe("out_of_range");
      await page.goto(`/actions/new?do=discard&id=${id}`);
      await page.getByLabel("Reason").fill("first");
      await button(page, "Discard 1 dead letter").click();
      await page.waitForURL(/\/actions\/\d+/);
      await untilSaid(page, "1 of 1", true);
      await page.goBack();
      // The preview is read anew: nothing is done twice.
      await page.getByText("Nothing is left to do").waitFor();
      expect(await actionsIn(system)).toHaveLength(1);
      expect(await overflowOf(page)).toBe(0);
    });
  },
);

/** What has the focus: its text or name, and whether one sees it. */
async function focused(page: Page): Promise<{ text: string; isSeen: boolean }> {
  return await page.evaluate(`(() => {
    const one = document.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    const box = one.getBoundingClientRect();
    const isSeen = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && box.width > 0 && box.bottom > 0;
    return { text: (one.getAttribute("name") ?? one.textContent ?? "").trim(), isSeen };
  })()`);
}

async function tabTo(page: Page, wanted: RegExp): Promise<void> {
  await page.getByRole("heading", { level: 1 }).waitFor();
  const met: string[] = [];
  for (let presses = 0; presses < 80; presses++) {
    await page.keyboard.press("Tab");
    const { text, isSeen } = await focused(page);
    met.push(text);
    expect({ text, isSeen }).toEqual({ text, isSeen: true });
    if (wanted.test(text)) return;
  }
  throw new Error(`nothing with ${wanted} is reached by Tab, only ${met.join(", ")}`);
}
