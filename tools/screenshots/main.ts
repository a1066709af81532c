import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Console, createConsole, readConsoleConfiguration } from "@centralcloud/console";
import { type Browser, chromium, type Page } from "playwright-core";
import { startShownSystem } from "./system.ts";

/*
 * Pictures of the console's main pages: light, dark, and on a telephone; `pnpm screenshots [folder] [path…]`.
 */

const [folder = "screenshots", ...wanted] = process.argv.slice(2);

/** Playwright adds its own `--headless`. */
const browserArguments = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const looks = {
  light: { viewport: { width: 1200, height: 800 }, colorScheme: "light" },
  dark: { viewport: { width: 1200, height: 800 }, colorScheme: "dark" },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: "light" },
} as const;

const queue = "centralcloud-new-patterns";

/** Goes where the page is that a name stands for, as a person would. */
const pages: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
  now: (page) => page.goto("/"),
  "dead-letters": (page) => page.goto("/dead-letters"),
  groups: (page) => page.goto("/dead-letters/groups"),
  group: async (page) => {
    await page.goto("/dead-letters/groups");
    await page.locator(".group h2 a").first().click();
  },
  "dead-letter": (page) => page.goto(`/dead-letters/eu-1/${queue}/1`),
  edit: async (page) => {
    await page.goto(`/dead-letters/eu-1/${queue}/1/edit`);
    await page.getByLabel("Reason").fill("the producer writes per cent");
    await page.locator("main form button").first().click();
    await page.locator("textarea").waitFor();
  },
  preview: (page) => page.goto(`/actions/new?do=replay&queue=${queue}&source=us-1&rate=2`),
  queues: (page) => page.goto("/queues"),
  queue: (page) => page.goto(`/queues/${queue}/eu-1`),
  trends: (page) => page.goto("/trends"),
  patterns: (page) => page.goto("/patterns"),
  doctor: (page) => page.goto("/doctor"),
  agent: (page) => page.goto("/agents/planner"),
  alert: (page) => page.goto("/alerts/CentralCloudDeadLetters"),
  message: (page) => page.goto(`/messages/eu-1/${queue}/3`),
  // Last: it changes what the others show.
  action: async (page) => {
    await page.goto(`/actions/new?do=replay&queue=${queue}&source=us-1&rate=1`);
    await page.getByLabel("Reason").fill("the contract takes them now");
    await page.locator("main form button[type=submit]").last().click();
    await page.waitForURL(/\/actions\/\d+/);
    await page.locator("progress").waitFor();
  },
};

async function photograph(browser: Browser, console_: Console, signIn: () => Promise<string>) {
  for (const [look, settings] of Object.entries(looks)) {
    const context = await browser.newContext({ ...settings, baseURL: console_.url });
    const page = await context.newPage();
    await page.goto(await signIn());
    await page.waitForURL(`${console_.url}/`);
    for (const [name, go] of Object.entries(pages)) {
      if (wanted.length > 0 && !wanted.includes(name)) continue;
      await go(page);
      await page.screenshot({ path: join(folder, `${name}-${look}.png`), fullPage: true });
    }
    await context.close();
  }
}

const system = await startShownSystem();
try {
  await mkdir(folder, { recursive: true });
  const links: string[] = [];
  const configuration = readConsoleConfiguration({ ...system.environment, CONSOLE_PORT: "0" });
  const shown = createConsole(configuration, {
    observe() {},
    showLink: (link) => void links.push(link),
  });
  await shown.start();
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: browserArguments,
  });
  try {
    await photograph(browser, shown, async () => {
      const link = links.pop();
      if (link !== undefined) return link;
      await fetch(`${shown.url}/login/link`, {
        method: "POST",
        headers: { "sec-fetch-site": "same-origin" },
        body: new URLSearchParams({ to: "/" }),
      });
      return links.pop() ?? "";
    });
  } finally {
    await browser.close();
    await shown.stop(2_000);
  }
} finally {
  await system.stop();
}
