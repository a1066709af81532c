import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import type { TestConsole } from "./console.ts";

/*
 * A real browser: Debian's chromium, which `.ci/chromium` installs. Tests that need one are skipped where there is none,
 * and fail in CI.
 */

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Why there is no browser; undefined: there is one, or there must be. */
export const browserMissing: string | undefined =
  existsSync(executablePath) || process.env.CI
    ? undefined
    : `there is no browser at ${executablePath}; CHROMIUM may name one`;

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

export interface Window {
  readonly page: Page;
  /** What went wrong in it that a page of ours must not do: errors of scripts and of the policy, failed requests. */
  readonly faults: string[];
}

export interface BrowserTools {
  /** A window of its own, with cookies of its own; closed after the test, which fails if anything went wrong in it. */
  open(console: TestConsole, options?: BrowserContextOptions): Promise<Window>;
  /** The same, signed in by the newest link. */
  openSignedIn(console: TestConsole, options?: BrowserContextOptions): Promise<Window>;
}

/** One browser for the calling file. To be called after `useConsole`, so that windows are closed before consoles. */
export function useBrowser(): BrowserTools {
  let browser: Browser | undefined;
  let windows: Window[] = [];

  beforeAll(async () => {
    if (browserMissing !== undefined) return;
    browser = await chromium.launch({
      executablePath,
      args: browserArguments,
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    });
  });
  afterAll(async () => {
    await browser?.close();
  });
  afterEach(async () => {
    const all = windows;
    windows = [];
    for (const { page } of all) await page.context().close();
    expect(all.flatMap(({ faults }) => faults)).toEqual([]);
  });

  async function open(console: TestConsole, options: BrowserContextOptions = {}): Promise<Window> {
    if (browser === undefined) throw new Error("the browser has not started");
    const context = await browser.newContext({ baseURL: console.url, ...options });
    context.setDefaultTimeout(45_000);
    const faults: string[] = [];
    const page = await context.newPage();
    watch(page, console.url, faults);
    context.on("page", (other) => watch(other, console.url, faults));
    const opened = { page, faults };
    windows.push(opened);
    return opened;
  }

  return {
    open,
    async openSignedIn(console, options = {}) {
      const opened = await open(console, options);
      const { page } = opened;
      if (console.links.length === 0) throw new Error("the console has shown no link");
      await page.goto(console.links.at(-1) ?? "");
      // Without scripts a person presses the button that scripts press.
      if (options.javaScriptEnabled === false) {
        await page.getByRole("button", { name: "Open the console" }).click();
      }
      await page.waitForURL(`${console.url}/`);
      return opened;
    },
  };
}

function watch(page: Page, own: string, faults: string[]): void {
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("requestfailed", (request) => {
    const why = request.failure()?.errorText ?? "";
    // Who leaves a page leaves what it was loading.
    if (why !== "net::ERR_ABORTED") faults.push(`request: ${request.url()} ${why}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(`${own}/`)) faults.push(`elsewhere: ${request.url()}`);
  });
}

/** Takes from a window's faults what a test has asked for: a browser tells of each answer that is a refusal. */
export function expectRefusals({ faults }: Window, status: number): void {
  const isExpected = (fault: string) =>
    fault.startsWith(
      `console: Failed to load resource: the server responded with a status of ${status} `,
    );
  const others = faults.filter((fault) => !isExpected(fault));
  expect(faults.length, `answers with ${status}`).toBeGreaterThan(others.length);
  faults.splice(0, faults.length, ...others);
}

/** Whether the page is wider than its window. */
export async function overflowOf(page: Page): Promise<number> {
  return await page.evaluate<number>(
    "document.documentElement.scrollWidth - document.documentElement.clientWidth",
  );
}
