import { createProgram } from "@centralcloud/cli";
import { collectGiven, commandText, methodOf, type Route, routes } from "@centralcloud/console";
import { beforeAll, expect, test } from "vitest";
import { type Browser, formKey, useConsole } from "../support/console.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { prepareSamples, type Samples, urlOf } from "./samples.ts";

const system = useSystem();
failOnLeaks(system);
const consoles = useConsole(system);
let samples: Samples = {};
beforeAll(async () => {
  samples = await prepareSamples(system);
});

/** As the design has it; written out, so that a change of one is a change of both. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

function ask(browser: Browser, route: Route) {
  return methodOf(route) === "GET"
    ? browser.get(urlOf(route, samples))
    : browser.post(urlOf(route, samples), { "form-key": formKey() });
}

test("every answer has the headers that leave a hostile text nothing to do", async () => {
  const own = await consoles.start();
  const browser = await own.signIn();
  const strange: readonly Promise<{ headers: Record<string, unknown> }>[] = [
    own.browser().get("/"),
    own.browser().get("/no-such-page"),
    own.browser().get("/healthz"),
    own.browser().get("/login"),
    own.browser().get("/", { headers: { host: "evil.example" } }),
    browser.get("/no-such-page"),
    browser.get("/?sorce=one"),
    browser.get("/%ff"),
    browser.send("DELETE", "/"),
    browser.post("/logout", {}, { headers: { "sec-fetch-site": "cross-site" } }),
  ];
  const answers = [
    ...(await Promise.all(strange)),
    ...(await Promise.all(routes.map((route) => ask(browser, route)))),
  ];
  for (const { headers } of answers) {
    expect(headers).toMatchObject({
      "content-security-policy": policy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "same-origin",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "cache-control": "no-store",
    });
  }
});

test("every page shows itself in a healthy system, in 40 kB, with nothing inline and nothing from elsewhere", async () => {
  const browser = await (await consoles.start()).signIn();
  const wrong: Record<string, unknown>[] = [];
  for (const route of routes.filter(({ kind }) => kind === "page")) {
    const { status, text } = await ask(browser, route);
    const bytes = Buffer.byteLength(text);
    const inline = /<script(?![^>]* src="\/assets\/)[^>]*|<style|\sstyle=|\son\w+=/i.exec(
      text,
    )?.[0];
    const elsewhere = /(?:src|href|action)="(?:https?:)?\/\/[^"]*/.exec(text)?.[0];
    if (status === 200 && bytes < 40_000 && inline === undefined && elsewhere === undefined)
      continue;
    wrong.push({ path: route.path, status, bytes, inline, elsewhere });
  }
  expect(wrong).toEqual([]);
});

test("scripts and styles are few, named by what is in them, and kept by the browser", async () => {
  const browser = (await consoles.start()).browser();
  const { text } = await browser.get("/");
  const main = /src="([^"]+main\.js)"/.exec(text)?.[1] ?? "";
  const names = [
    main,
    ...["copy", "guard", "keys", "live"].map((name) => main.replace("main", name)),
  ];
  const scripts = await Promise.all(names.map((name) => browser.get(name)));
  const bytes = scripts.reduce((sum, script) => sum + Buffer.byteLength(script.text), 0);
  expect(bytes).toBeLessThan(15_000);
  for (const { status, headers } of scripts) {
    expect(status).toBe(200);
    expect(headers["cache-control"]).toContain("immutable");
    expect(headers["content-security-policy"]).toBe(policy);
  }
  expect((await browser.get(main.replace(/[0-9a-f]{16}/, "0".repeat(16)))).status).not.toBe(200);
});

test("nobody gets a page or does anything without having signed in", async () => {
  const own = await consoles.start();
  for (const route of routes) {
    const { status } = await ask(own.browser(), route);
    // Strangers who send one form after the other are asked to wait.
    const refused = route.kind === "form" ? [401, 429] : [401];
    expect({ path: route.path, isRefused: refused.includes(status) }).toEqual({
      path: route.path,
      isRefused: true,
    });
  }
});

test("what a route does not answer is refused with 405, and changes nothing", async () => {
  const browser = await (await consoles.start()).signIn();
  for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS"]) {
    expect((await browser.send(method, "/queues")).status).toBe(405);
  }
  expect((await browser.post("/queues", {})).status).toBe(405);
});

/** All sets of rights that one may have: with any right, one may look. */
const sets = ["look", "reveal", "operate", "audit", "look,reveal,operate,audit"];

test("every route asks for its right, of every set of rights", async () => {
  const tokens = sets.map((held, index) => [held, `token-${index}-${"x".repeat(40)}`] as const);
  const hashOf = async (token: string) =>
    Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(token))).toString("hex");
  const lines = await Promise.all(
    tokens.map(async ([held, token], index) => `person-${index} ${held} ${await hashOf(token)}`),
  );
  const own = await consoles.start({ CONSOLE_AUTH: "token", CONSOLE_TOKENS: lines.join("\n") });
  for (const [held, token] of tokens) {
    const browser = own.browser();
    expect((await browser.post("/login", { token })).status).toBe(303);
    const rights = new Set(["look", ...held.split(",")]);
    // A form without its key does nothing, so all of them can be tried; those that are refused are refused before.
    const forms = routes.filter(({ kind }) => kind === "form");
    for (const route of [...routes.filter(({ kind }) => kind !== "form"), ...forms]) {
      const { status } =
        route.kind === "form"
          ? await browser.send("POST", urlOf(route, samples), "form-key=none")
          : await browser.get(urlOf(route, samples));
      const seen = { path: route.path, held, isRefused: status === 403 };
      // More forms than one may send at once are refused for that.
      if (status === 429) continue;
      expect(seen).toEqual({ ...seen, isRefused: !rights.has(route.right) });
    }
  }
});

test("every page's command is one that the command line takes", async () => {
  const wrong: Record<string, unknown>[] = [];
  const browser = await (await consoles.start()).signIn();
  for (const route of routes) {
    if (route.kind !== "page" || route.command === undefined) continue;
    const { text } = await ask(browser, route);
    const shown =
      /<code data-command[^>]*>([^<]*)<\/code><button[^>]*>Copy<\/button><\/div><\/div><\/footer>/.exec(
        text,
      );
    const words = shellWords(unescaped(shown?.[1] ?? ""));
    const taken = words[0] === "centralcloud" ? parse(words.slice(1)) : "no command is shown";
    if (taken !== "taken") wrong.push({ path: route.path, words, taken });
  }
  expect(wrong).toEqual([]);
});

test("a value that a shell or the command line would take for something else arrives as it is", () => {
  const hostile = [
    "a b",
    "it's",
    "--all",
    "-x",
    "$(reboot)",
    "`id`",
    "\\",
    '"',
    "ü",
    "a\nb",
    ";",
    "*",
  ];
  for (const value of hostile) {
    for (const route of routes) {
      if (route.kind !== "page" || route.command === undefined) continue;
      const names = Object.keys(route.query).filter((name) => name === "source");
      // What it does decides its command; it is among those of the test before.
      if (names.length === 0 || route.path === "/actions/new") continue;
      const given = collectGiven([["source", value]]);
      const words = route.command({
        params: samples[route.path]?.params ?? {},
        query: { source: [value] },
        given,
      });
      expect(shellWords(commandText(words)).slice(1)).toEqual(words);
      expect(parse(words)).toBe("taken");
    }
  }
});

/** What a POSIX shell makes of the quoting that we use: plain words, and single quotes with \' between them. */
function shellWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? "";
    if (character === "'") {
      const end = text.indexOf("'", at + 1);
      word = (word ?? "") + text.slice(at + 1, end);
      at = end;
    } else if (character === "\\") word = (word ?? "") + (text[++at] ?? "");
    else if (character === " ") {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + character;
  }
  return word === undefined ? words : [...words, word];
}

function unescaped(html: string): string {
  return html
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&");
}

/** Has the command line's own parser read the words, without running what they say. */
function parse(words: readonly string[]): string {
  const program = createProgram({});
  const quiet = (command: ReturnType<typeof createProgram>) => {
    command.configureOutput({ writeOut() {}, writeErr() {}, outputError() {} });
    command.action(() => {});
    for (const child of command.commands) quiet(child);
  };
  quiet(program);
  try {
    program.parse(words, { from: "user" });
    return "taken";
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return code === "commander.helpDisplayed" ? "taken" : message;
  }
}
