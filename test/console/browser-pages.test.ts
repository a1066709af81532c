import { routes } from "@centralcloud/console";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { browserMissing, overflowOf, useBrowser } from "../support/browser.ts";
import { useConsole } from "../support/console.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { prepareSamples, type Samples, urlOf } from "./samples.ts";

/* Every page in a real browser: who can use it, on what. What goes wrong in a window fails its test, see `useBrowser`. */

const system = useSystem();
failOnLeaks(system);
const consoles = useConsole(system);
const browsers = useBrowser();

/** Some thirty pages, on a machine that does other things, too. */
const timeoutMs = 300_000;

const pages = routes.filter(({ kind }) => kind === "page");

describe.skipIf(browserMissing !== undefined)(
  `in a browser (${browserMissing ?? "chromium"})`,
  () => {
    let samples: Samples = {};
    beforeAll(async () => {
      samples = await prepareSamples(system);
    });

    async function onEveryPage(page: Page, look: (path: string) => Promise<void>): Promise<void> {
      for (const route of pages) {
        const answer = await page.goto(urlOf(route, samples));
        expect({ path: route.path, status: answer?.status() }).toEqual({
          path: route.path,
          status: 200,
        });
        await look(route.path);
      }
    }

    test(
      "no page breaks a rule of accessibility, in the light",
      async () => {
        const { page } = await browsers.openSignedIn(await consoles.start());
        const broken: unknown[] = [];
        await onEveryPage(page, async (path) => {
          broken.push(...(await rulesBroken(page, path, {})));
        });
        expect(broken).toEqual([]);
      },
      timeoutMs,
    );

    test(
      "no page lacks contrast in the dark",
      async () => {
        const { page } = await browsers.openSignedIn(await consoles.start(), {
          colorScheme: "dark",
        });
        const broken: unknown[] = [];
        await onEveryPage(page, async (path) => {
          const runOnly = {
            type: "rule" as const,
            values: ["color-contrast", "link-in-text-block"],
          };
          broken.push(...(await rulesBroken(page, path, { runOnly })));
        });
        expect(broken).toEqual([]);
      },
      timeoutMs,
    );

    for (const width of [320, 1_600]) {
      test(
        `no page is wider than a window of ${width} pixels`,
        async () => {
          const viewport = { width, height: 800 };
          const { page } = await browsers.openSignedIn(await consoles.start(), { viewport });
          const wider: unknown[] = [];
          await onEveryPage(page, async (path) => {
            const by = await overflowOf(page);
            if (by > 0) wider.push({ path, by, widest: await widestOf(page) });
          });
          expect(wider).toEqual([]);
        },
        timeoutMs,
      );
    }
  },
);

/** The rules of WCAG 2.2 AA and good practice that a page breaks, with what breaks them. */
async function rulesBroken(page: Page, path: string, options: axe.RunOptions) {
  // By the debugger's door, which the policy of the page does not shut.
  await page.evaluate(axe.source);
  const asked = JSON.stringify({ resultTypes: ["violations"], preload: false, ...options });
  const found = await page.evaluate<axe.AxeResults>(`axe.run(document, ${asked})`);
  // That nothing is broken says something only where rules were applied.
  expect(found.passes.length, path).toBeGreaterThan(0);
  return found.violations.map(({ id, help, nodes }) => {
    return { path, id, help, at: nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)) };
  });
}

/** What is wider than the window, to be told. */
async function widestOf(page: Page): Promise<string> {
  return await page.evaluate<string>(`(() => {
    const wide = [...document.querySelectorAll("main *, header *, footer *")].filter(
      (one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5);
    return wide.slice(0, 3).map((one) => one.outerHTML.slice(0, 120)).join(" | ");
  })()`);
}
