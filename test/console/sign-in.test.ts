import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { clientAddress, createSessions, type Right } from "@centralcloud/console";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Browser, useConsole } from "../support/console.ts";
import { peopleWith, signInAs } from "../support/console-people.ts";
import { useSystem } from "../support/databases.ts";
import { type Issuer, startIssuer } from "../support/issuer.ts";
import { failOnLeaks } from "../support/leaks.ts";

const system = useSystem();
failOnLeaks(system);
const consoles = useConsole(system);
let issuer: Issuer;
beforeAll(async () => {
  issuer = await startIssuer("console");
});
afterAll(() => issuer.stop());

const statusOf = async (browser: Browser, path = "/me") => (await browser.get(path)).status;

test("the link in the terminal signs one in, once, and another can be asked for", async () => {
  const own = await consoles.start();
  expect(own.links).toHaveLength(1);
  const browser = own.browser();
  const shown = await browser.get(own.links[0] ?? "");
  expect(shown).toMatchObject({ status: 200, text: expect.stringContaining("Open the console") });
  // To look at the link changes nothing.
  expect(shown.headers["set-cookie"]).toBeUndefined();
  const code = new URLSearchParams(own.links[0]?.split("?")[1]).get("code") ?? "";
  const done = await browser.post("/login", { code, to: "/queues" });
  expect(done).toMatchObject({ status: 303, headers: { location: "/queues" } });
  expect(await statusOf(browser)).toBe(200);
  const other = own.browser();
  expect((await other.post("/login", { code })).status).toBe(401);
  expect(await statusOf(other)).toBe(401);
  expect((await other.post("/login/link", {})).status).toBe(200);
  expect(own.links).toHaveLength(2);
  expect(await statusOf(await own.signIn())).toBe(200);
});

test("whoever signs in is sent to no other site", async () => {
  const own = await consoles.start();
  for (const to of ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"]) {
    const browser = own.browser();
    await browser.post("/login/link", {});
    const code = new URLSearchParams(own.links.at(-1)?.split("?")[1]).get("code") ?? "";
    const { headers } = await browser.post("/login", { code, to });
    expect(headers.location).toBe("/");
  }
});

test("the cookie is for this console's pages alone, and a forged or foreign one is nobody's", async () => {
  const own = await consoles.start();
  const browser = own.browser();
  const code = new URLSearchParams(own.links[0]?.split("?")[1]).get("code") ?? "";
  const { headers } = await browser.post("/login", { code });
  expect(headers["set-cookie"]?.[0]).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/);
  const [name, value = ""] = (headers["set-cookie"]?.[0]?.split(";")[0] ?? "").split("=");
  const forged = `${name}=${value.slice(0, 43)}.${"A".repeat(43)}`;
  expect((await own.browser().get("/me", { headers: { cookie: forged } })).status).toBe(401);
  const twice = `${name}=${value}; ${name}=${value}`;
  expect((await own.browser().get("/me", { headers: { cookie: twice } })).status).toBe(401);
});

test("a session ends when one signs out", async () => {
  const browser = await (await consoles.start()).signIn();
  expect((await browser.post("/logout", {})).status).toBe(303);
  expect(await statusOf(browser)).toBe(401);
});

test("a session ends when nobody uses it, and after a while in any case; pages that load themselves are nobody", () => {
  let ms = 0;
  const sessions = createSessions({ idleS: 60, mostS: 200, isSecure: true, now: () => ms });
  let cookie = "";
  const response = {
    setHeader(_: string, value: string) {
      cookie = value.split(";")[0] ?? "";
    },
  } as unknown as ServerResponse;
  const asks = (headers: Readonly<Record<string, string>> = {}) => {
    return sessions.find({ headers: { cookie, ...headers } } as unknown as IncomingMessage);
  };
  const begin = () => {
    const viewer = { name: "anna", rights: new Set<Right>(["look"]) };
    sessions.begin({ headers: {} } as unknown as IncomingMessage, response, viewer);
  };
  begin();
  expect(cookie).toMatch(/^__Host-/);
  for (ms = 0; ms < 200_000; ms += 50_000) expect(asks()?.viewer.name).toBe("anna");
  // It was used all the time, and is over.
  ms = 201_000;
  expect(asks()).toBeUndefined();
  begin();
  for (let times = 0; times < 3; times++, ms += 25_000) {
    expect(asks({ "x-console-live": "1" })?.viewer.name).toBe("anna");
  }
  expect(asks()).toBeUndefined();
});

test("with a token one has its rights and its name, and a wrong one is nobody's", async () => {
  const token = "t".repeat(43);
  const hash = createHash("sha256").update(token).digest("hex");
  const own = await consoles.start({
    CONSOLE_AUTH: "token",
    CONSOLE_TOKENS: `anna viewer ${hash}`,
  });
  const browser = own.browser();
  const refused = await browser.post("/login", { token: "wrong" });
  expect(refused).toMatchObject({
    status: 401,
    text: expect.stringContaining("nobody's token"),
  });
  expect((await browser.post("/login", { token })).status).toBe(303);
  const { text } = await browser.get("/me");
  expect(text).toContain("<strong>anna</strong>");
  expect(own.observations).toContainEqual({
    event: "console-signed-in",
    name: "anna",
    via: "token",
  });
  expect(JSON.stringify(own.observations)).not.toContain(token);
});

const times = (count: number) => Array.from({ length: count }, (_, index) => index);

test("strangers who try tokens are asked to wait, and whoever has a right one is not", async () => {
  const own = await consoles.start(peopleWith({ anna: "all", otto: "viewer" }));
  const statuses: number[] = [];
  for (const index of times(30)) {
    statuses.push((await own.browser().post("/login", { token: `wrong ${index}` })).status);
  }
  expect(statuses.slice(0, 10)).toEqual(times(10).map(() => 401));
  expect(statuses.slice(11)).toEqual(times(19).map(() => 429));
  for (const name of ["anna", "otto"]) {
    expect(await statusOf(await signInAs(own, name))).toBe(200);
  }
  expect(own.observations).toContainEqual({
    event: "console-refused",
    path: "/login",
    reason: "too many sign-ins",
  });
});

test("a token that could be guessed signs nobody in, and its owner is told", async () => {
  const hash = createHash("sha256").update("a short one").digest("hex");
  const own = await consoles.start({ CONSOLE_AUTH: "token", CONSOLE_TOKENS: `anna all ${hash}` });
  const { status, text } = await own.browser().post("/login", { token: "a short one" });
  expect(status).toBe(401);
  expect(text).toContain("fewer than 32 characters");
});

test("whatever others of the machine send, the link in the terminal signs one in", async () => {
  const own = await consoles.start();
  const [first = ""] = own.links;
  const stranger = own.browser();
  for (const index of times(30)) {
    expect((await stranger.post("/login", { code: `wrong ${index}` })).status).toBe(401);
    expect((await stranger.post("/login/link", {})).status).toBe(200);
  }
  // Nobody fills the terminal with links.
  expect(own.links.length).toBeLessThanOrEqual(6);
  for (const link of [first, own.links.at(-1) ?? ""]) {
    const code = new URLSearchParams(link.split("?")[1]).get("code") ?? "";
    const browser = own.browser();
    expect((await browser.post("/login", { code })).status).toBe(303);
    expect(await statusOf(browser)).toBe(200);
  }
});

test("consoles on two ports of one host leave each other's sessions alone", async () => {
  const [one, two] = [await consoles.start(), await consoles.start()];
  const names = await Promise.all(
    [one, two].map(async (own) => {
      const code = new URLSearchParams(own.links[0]?.split("?")[1]).get("code") ?? "";
      const { headers } = await own.browser().post("/login", { code });
      return headers["set-cookie"]?.[0]?.split("=")[0];
    }),
  );
  expect(names).toEqual([`centralcloud-${one.port}`, `centralcloud-${two.port}`]);
});

test("an address is that of who asked, which a trusted proxy names, and one of IPv6 is its network", () => {
  const from = (remoteAddress: string, forwarded?: string) =>
    clientAddress(
      {
        socket: { remoteAddress },
        headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded },
      },
      (address) => address.startsWith("10.") || address.startsWith("::ffff:10."),
    );
  expect(from("192.0.2.1")).toBe("192.0.2.1");
  expect(from("::ffff:192.0.2.1")).toBe("192.0.2.1");
  // Whoever is no proxy of ours may claim what he likes.
  expect(from("192.0.2.1", "198.51.100.1")).toBe("192.0.2.1");
  expect(from("::ffff:10.0.0.1", "198.51.100.1")).toBe("198.51.100.1");
  expect(from("10.0.0.1", "203.0.113.9, 198.51.100.1, 10.0.0.2")).toBe("198.51.100.1");
  expect(from("10.0.0.1")).toBe("10.0.0.1");
  expect(from("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
  expect(from("2001:db8:1:2::9")).toBe("2001:db8:1:2::/64");
  expect(from("::1")).toBe("0:0:0:0::/64");
});

const secret = "s".repeat(40);
const proxied = {
  CONSOLE_AUTH: "header",
  CONSOLE_TRUSTED_PROXIES: "127.0.0.0/8",
  CONSOLE_PROXY_SECRET: secret,
  CONSOLE_LOOK_GROUPS: "staff",
  CONSOLE_OPERATE_GROUPS: "cn=ops,dc=example;operators",
};

test("a proxy is believed with its secret, and each header once", async () => {
  const browser = (await consoles.start(proxied)).browser();
  const said = (headers: Readonly<Record<string, string>>) => browser.get("/me", { headers });
  const good = {
    "x-console-proxy-secret": secret,
    "x-forwarded-user": "anna",
    "x-forwarded-groups": "staff, operators",
  };
  const { status, text } = await said(good);
  expect(status).toBe(200);
  expect(text).toContain("<strong>anna</strong>");
  expect((await said({ ...good, "x-console-proxy-secret": "another" })).status).toBe(403);
  expect((await said({ "x-forwarded-user": "anna" })).status).toBe(403);
  expect((await said({ ...good, x_forwarded_user: "root" })).status).toBe(403);
  const { "x-forwarded-user": _, ...nobody } = good;
  expect((await said(nobody)).status).toBe(401);
  // Groups are compared whole: neither a part of a name nor another case is the group.
  expect((await said({ ...good, "x-forwarded-groups": "staffers, STAFF" })).status).toBe(403);
});

test("what does not come through the proxy is refused, whatever it says", async () => {
  const elsewhere = { ...proxied, CONSOLE_TRUSTED_PROXIES: "10.9.9.9" };
  const browser = (await consoles.start(elsewhere)).browser();
  const headers = { "x-console-proxy-secret": secret, "x-forwarded-user": "anna" };
  expect((await browser.get("/me", { headers })).status).toBe(403);
});

const byIssuer = () => ({
  CONSOLE_AUTH: "oidc",
  CONSOLE_PUBLIC_URL: "http://console.test:9465",
  CONSOLE_OIDC_ISSUER: issuer.url,
  CONSOLE_OIDC_CLIENT_ID: "console",
  CONSOLE_OIDC_CLIENT_SECRET: "client secret",
  CONSOLE_LOOK_GROUPS: "staff",
});

test("an issuer of OpenID Connect signs people in, with rights by their groups, and once for each begin", async () => {
  const own = await consoles.start(byIssuer());
  const asked = { headers: { host: "console.test:9465" } };
  const browser = own.browser();
  const invitation = await browser.get("/queues", asked);
  expect(invitation).toMatchObject({
    status: 401,
    text: expect.stringContaining("/login/oidc?to=%2Fqueues"),
  });
  issuer.claims = { sub: "1", email: "anna@example.org", email_verified: true, groups: ["staff"] };
  const begun = await browser.get("/login/oidc?to=%2Fqueues", asked);
  expect(begun.status).toBe(303);
  const back = issuer.follow(begun.headers.location ?? "");
  // Somebody else's browser has not begun this sign-in.
  const stolen = await own.browser().get(`${back.pathname}${back.search}`, asked);
  expect(stolen.status).toBe(403);
  const done = await browser.get(`${back.pathname}${back.search}`, asked);
  expect(done).toMatchObject({ status: 303, headers: { location: "/queues" } });
  expect((await browser.get("/me", asked)).text).toContain("anna@example.org");
  issuer.claims = { ...issuer.claims, sub: "2", groups: ["staffers"] };
  const other = own.browser();
  const again = issuer.follow((await other.get("/login/oidc", asked)).headers.location ?? "");
  expect((await other.get(`${again.pathname}${again.search}`, asked)).status).toBe(403);
  expect((await other.get("/me", asked)).status).toBe(401);
});

test("an address that begins one sign-in after another at the issuer is asked to wait, and another is not", async () => {
  const own = await consoles.start({ ...byIssuer(), CONSOLE_TRUSTED_PROXIES: "127.0.0.0/8" });
  const begin = (address: string) =>
    own.browser().get("/login/oidc", {
      headers: { host: "console.test:9465", "x-forwarded-for": address },
    });
  const statuses: number[] = [];
  for (const _ of times(40)) statuses.push((await begin("192.0.2.1")).status);
  expect(statuses.slice(0, 30)).toEqual(times(30).map(() => 303));
  expect(statuses.at(-1)).toBe(429);
  expect((await begin("192.0.2.2")).status).toBe(303);
});

test("an issuer that does not vouch for the name that it gives signs nobody in, and it is told what is missing", async () => {
  const asked = { headers: { host: "console.test:9465" } };
  const signIn = async (
    claims: Record<string, unknown>,
    settings: Readonly<Record<string, string>> = {},
  ) => {
    issuer.claims = claims;
    const browser = (await consoles.start({ ...byIssuer(), ...settings })).browser();
    const back = issuer.follow((await browser.get("/login/oidc", asked)).headers.location ?? "");
    return await browser.get(`${back.pathname}${back.search}`, asked);
  };
  const good = { sub: "1", email: "anna@example.org", email_verified: true, groups: ["staff"] };
  expect((await signIn(good)).status).toBe(303);
  // Some issuers say it as a text.
  expect((await signIn({ ...good, email_verified: "true" })).status).toBe(303);
  const without = (name: string) =>
    Object.fromEntries(Object.entries(good).filter(([one]) => one !== name));
  const refusals: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ ...good, email_verified: false }, "is verified"],
    [{ ...good, email_verified: "false" }, "is verified"],
    [without("email_verified"), "is verified"],
    [without("email"), "gave no email"],
    [without("groups"), "gave no list groups"],
    [{ ...good, groups: "staff" }, "gave no list groups"],
  ];
  for (const [claims, words] of refusals) {
    const { status, text } = await signIn(claims);
    expect({ claims, status }).toEqual({ claims, status: 403 });
    expect(text).toContain(words);
  }
  const bySub = { CONSOLE_OIDC_USER_CLAIM: "sub" };
  expect((await signIn({ sub: "1", groups: ["staff"] }, bySub)).status).toBe(303);
});

test("read only, nobody may act, whatever his rights are", async () => {
  const browser = await (await consoles.start({ CONSOLE_READ_ONLY: "true" })).signIn();
  const { text } = await browser.get("/me");
  expect(text).toMatch(/operate<\/th><td[^>]*><span class="badge quiet">have it not/);
});
