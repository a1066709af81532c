import { form, one, page, type Route, text } from "@centralcloud/console";
import { expect, test } from "vitest";
import { formKey, useConsole } from "../support/console.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";

const system = useSystem();
failOnLeaks(system);
const consoles = useConsole(system);

/** A form that says how often it was done, as the forms of pages are declared. */
function countingForm() {
  const counts = { done: 0 };
  const count = form({
    path: "/count",
    right: "operate",
    section: "none",
    query: {},
    form: { reason: one(text(100)) },
    async act() {
      counts.done += 1;
      return { seeOther: `/count/${counts.done}` };
    },
  });
  const shown = page({
    path: "/shown",
    right: "look",
    section: "none",
    query: {},
    title: () => "Shown",
    read: async () => null,
    page: () => null as never,
  });
  const routes: readonly Route[] = [count, shown];
  return { counts, routes };
}

test("a name that leads here from elsewhere is refused: only this machine's own names are answered", async () => {
  const own = await consoles.start();
  const browser = await own.signIn();
  for (const host of [
    "evil.example",
    "evil.example:9465",
    "127.0.0.1.evil.example",
    "0.0.0.0",
    "",
  ]) {
    const { status } = await browser.get("/me", { headers: { host } });
    expect({ host, status }).toEqual({ host, status: 421 });
  }
  for (const host of ["localhost", "localhost:8080", "127.0.0.1:9465", "[::1]:9465"]) {
    // Who is signed in at one port is not at another.
    const { status } = await browser.get("/me", { headers: { host } });
    expect({ host, status }).toEqual({ host, status: 401 });
  }
});

test("a form is taken from our own pages only, by what the browser says of where it comes from", async () => {
  const { counts, routes } = countingForm();
  const own = await consoles.start({}, { routes });
  const browser = await own.signIn();
  const send = async (headers: Readonly<Record<string, string | undefined>>) => {
    const { status } = await browser.post("/count", { reason: "test" }, { headers });
    return status;
  };
  for (const site of ["cross-site", "same-site", "none"]) {
    expect(await send({ "sec-fetch-site": site })).toBe(403);
  }
  const none = { "sec-fetch-site": undefined };
  expect(await send(none)).toBe(403);
  expect(await send({ ...none, origin: "http://evil.example" })).toBe(403);
  expect(await send({ ...none, origin: "null" })).toBe(403);
  expect(counts.done).toBe(0);
  expect(await send({ "sec-fetch-site": "same-origin" })).toBe(303);
  expect(await send({ ...none, origin: `http://127.0.0.1:${own.port}` })).toBe(303);
  expect(counts.done).toBe(2);
});

test("a form that is sent twice acts once, and both times leads to what came of it", async () => {
  const { counts, routes } = countingForm();
  const browser = await (await consoles.start({}, { routes })).signIn();
  const fields = { reason: "double click", "form-key": formKey() };
  const answers = await Promise.all([
    browser.post("/count", fields),
    browser.post("/count", fields),
  ]);
  expect(answers.map(({ headers }) => headers.location)).toEqual(["/count/1", "/count/1"]);
  expect(counts.done).toBe(1);
  expect((await browser.post("/count", { reason: "none", "form-key": "" })).status).toBe(400);
  expect(counts.done).toBe(1);
});

test("an unknown field, or one that is missing, is told, and nothing is done", async () => {
  const { counts, routes } = countingForm();
  const browser = await (await consoles.start({}, { routes })).signIn();
  const unknown = await browser.post("/count", { reason: "test", all: "yes" });
  expect(unknown).toMatchObject({ status: 422, text: expect.stringContaining("no parameter") });
  expect((await browser.post("/count", {})).status).toBe(422);
  expect(counts.done).toBe(0);
});

test("a session that ends while somebody fills in a form keeps what was typed", async () => {
  const { counts, routes } = countingForm();
  const own = await consoles.start({}, { routes });
  const { status, text: kept } = await own.browser().post("/count", { reason: "a <long> reason" });
  expect(status).toBe(401);
  expect(kept).toContain("a &lt;long> reason");
  expect(kept).toContain("nothing that you typed is lost");
  expect(counts.done).toBe(0);
});

test("whoever follows a link of another site is asked to sign in only after the browser was asked again", async () => {
  const browser = await (await consoles.start()).signIn();
  const followed = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
  const { text: first } = await browser.get("/me", { headers: { ...followed, cookie: undefined } });
  expect(first).toContain('http-equiv="refresh" content="0"');
  expect((await browser.get("/me", { headers: { "sec-fetch-site": "same-origin" } })).status).toBe(
    200,
  );
  const loaded = await browser.get("/me", {
    headers: { ...followed, "sec-fetch-mode": "no-cors" },
  });
  expect(loaded.status).toBe(403);
});

test("a page that fails says so and is put in the log, without what its database quoted", async () => {
  const fails = page({
    path: "/fails",
    right: "look",
    section: "none",
    query: {},
    title: () => "Fails",
    async read(): Promise<null> {
      throw Object.assign(new Error("duplicate key: (secret)"), { code: "23505" });
    },
    page: () => null as never,
  });
  const own = await consoles.start({}, { routes: [fails] });
  const browser = await own.signIn();
  const answer = await browser.get("/fails");
  expect(answer).toMatchObject({ status: 500, text: expect.stringContaining("did not work") });
  expect(answer.text).not.toContain("secret");
  expect(own.observations).toContainEqual({
    event: "console-fault",
    path: "/fails",
    error: "refused by the database (23505)",
  });
});

test("what is refused is put in the log, with where and why", async () => {
  const own = await consoles.start();
  await own.browser().get("/me", { headers: { host: "evil.example" } });
  expect(own.observations).toContainEqual({
    event: "console-refused",
    path: "/me",
    reason: "unknown host",
  });
});

test("a form of more fields than any page has is refused unread, and so is one that nobody sent us", async () => {
  const { counts, routes } = countingForm();
  const own = await consoles.start({}, { routes });
  const browser = await own.signIn();
  const many = Array.from({ length: 2_000 }, (_, index) => `${index}`);
  expect((await browser.post("/count", { reason: many })).status).toBe(413);
  expect(counts.done).toBe(0);
  const stranger = own.browser();
  expect((await stranger.post("/no-such-form", { reason: "test" })).status).toBe(404);
  expect((await stranger.post("/count", { reason: many })).status).toBe(413);
});

test("strangers who send forms again and again are asked to wait", async () => {
  const { routes } = countingForm();
  const stranger = (await consoles.start({}, { routes })).browser();
  const statuses: number[] = [];
  for (let count = 0; count < 12; count += 1) {
    statuses.push((await stranger.post("/count", { reason: "test" })).status);
  }
  expect(statuses.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 401));
  expect(statuses.at(-1)).toBe(429);
});

test("an address that can't be read is answered, too", async () => {
  const browser = (await consoles.start()).browser();
  expect(await browser.get("//")).toMatchObject({
    status: 400,
    headers: { "content-security-policy": expect.stringContaining("default-src 'none'") },
  });
});
