import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { type Answer, type Browser, useConsole } from "../support/console.ts";
import { useSystem } from "../support/databases.ts";
import { emptyQueues, patterns, putDeadLetter } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { withSilentServer } from "../support/silent-server.ts";
import { until } from "../support/until.ts";

const system = useSystem();
failOnLeaks(system);
const consoles = useConsole(system);

/** The sentences that the first screen begins with, as people read them. */
function sentencesOf({ text }: Answer): string {
  const answer = /<section class="answer[^>]*>(.*?)<\/section>/s.exec(text)?.[1] ?? "";
  return answer
    .replaceAll(/<\/p>/g, "\n")
    .replaceAll(/<[^>]+>/g, "")
    .trim();
}

async function sentences(browser: Browser, wanted: RegExp): Promise<string> {
  return await until(`the first screen says ${wanted}`, async () => {
    const said = sentencesOf(await browser.get("/"));
    return wanted.test(said) ? said : undefined;
  });
}

const live = `insert into central.consumers (id, version, host, last_seen_at)
              values (gen_random_uuid(), '1.0.0', 'here', clock_timestamp())`;

test("the first screen says in sentences that all is well", async () => {
  await system.central.pool.query(live);
  const browser = await (await consoles.start()).signIn();
  const said = await sentences(browser, /dead letter.*works/s);
  expect(said).toContain("Nothing is lost. There is no dead letter.");
  expect(said).toContain("The consumer works.");
});

test("the first screen says how many dead letters there are, since when, of what, and from where", async () => {
  await putDeadLetter(system.singularity);
  await putDeadLetter(system.singularity);
  const browser = await (await consoles.start()).signIn();
  const said = await sentences(browser, /2 dead letters/);
  expect(said).toMatch(/Nothing is lost\. 2 dead letters, the first .* ago|now, one cause: /);
  expect(said).toContain(`from ${system.singularity.name}`);
  const { text } = await browser.get("/");
  expect(text).toMatch(/href="\/dead-letters\/groups\/[0-9a-f]{16}"/);
  await emptyQueues(system);
});

test("the first screen says so where no consumer works", async () => {
  await system.central.pool.query("delete from central.consumers");
  const browser = await (await consoles.start()).signIn();
  expect(await sentences(browser, /No consumer works/)).toContain("messages wait in their queues");
});

test("sources that are away are named, take nothing from the others, and delay no page", async () => {
  await putDeadLetter(system.singularity);
  await withSilentServer(async ({ url }) => {
    const { port } = new URL(url);
    const away = ["refuses", "refuses-too"].map((name) => `postgres://nobody@127.0.0.1:1/${name}`);
    const hanging = `postgres://nobody@127.0.0.1:${port}/hangs`;
    const browser = await (
      await consoles.start({
        SOURCE_DATABASE_URLS: [...away, hanging, system.singularity.url].join(" "),
        CONSOLE_ASK_TIMEOUT_S: "1",
      })
    ).signIn();
    const page = await until("all that are away are told", async () => {
      const began = performance.now();
      const answer = await browser.get("/");
      // The one that hangs is given up after a second; no page waits for that.
      expect(performance.now() - began).toBeLessThan(900);
      return sentencesOf(answer).includes("3 of 4 sources") ? answer : undefined;
    });
    expect(page.text).toContain("127.0.0.1:1/refuses-too");
    expect(page.text).toContain(`127.0.0.1:${port}/hangs`);
    expect(sentencesOf(page)).toContain("1 dead letter");
    const sources = await browser.get("/sources");
    expect(sources.text.match(/does not answer/g)).toHaveLength(3);
    expect(sources.text).not.toContain("nobody@");
  });
  await emptyQueues(system);
});

test("the first screen says so where the central store is away, and shows what the sources say", async () => {
  const browser = await (
    await consoles.start({ CENTRAL_DATABASE_URL: "postgres://nobody@127.0.0.1:1/central" })
  ).signIn();
  const said = await sentences(browser, /central store does not answer.*dead letter/s);
  expect(said).toContain("There is no dead letter");
  // Whether something is lost, only the central store could tell.
  expect(said).not.toContain("Nothing is lost");
});

test("a database is asked while somebody watches, by one look for all, and not at all otherwise", async () => {
  const asked = async () => {
    const { rows } = await system.singularity.pool.query<{ count: number }>(
      "select count(*)::int as count from pg_stat_activity where application_name = 'centralcloud-console' and datname = current_database()",
    );
    return rows[0]?.count ?? 0;
  };
  const own = await consoles.start();
  const browser = await own.signIn();
  expect(await asked()).toBe(0);
  const pages = await Promise.all(Array.from({ length: 8 }, () => browser.get("/queues")));
  expect(new Set(pages.map(({ status }) => status))).toEqual(new Set([200]));
  const seen = await until("a look has been had", async () => {
    const { text } = await browser.get("/queues");
    return /<time datetime="([^"]+)" title="[^"]+" class="number">[^<]+<\/time><\/td>/.exec(
      text,
    )?.[1];
  });
  // What eight asked for together was one look; the next to ask within seconds see the same.
  const again = await Promise.all(Array.from({ length: 3 }, () => browser.get("/sources")));
  expect(again.filter(({ text }) => text.includes(seen)).length).toBe(3);
  await until("nobody is asked any more", async () => (await asked()) === 0);
});

test("a name of a source can't get out of its place", async () => {
  const hostile = `<script>alert(1)</script>"'&\u202e`;
  await system.singularity.pool.query("update singularity_source set name = $1", [hostile]);
  await putDeadLetter(system.singularity, { error: hostile, code: "<b>code</b>" });
  const browser = await (await consoles.start()).signIn();
  const page = await until("the source has answered", async () => {
    const { text } = await browser.get("/queues");
    return text.includes(patterns) ? text : undefined;
  });
  expect(page).toContain("&lt;script>alert(1)");
  expect(page).not.toContain("<script>alert");
  expect(page).not.toContain("\u202e");
  const { text } = await browser.get("/");
  expect(text).not.toMatch(/<script>alert|<b>code/);
  const link = /href="(\/queues\/[^"]+)"/.exec(page)?.[1] ?? "";
  expect((await browser.get(link)).status).toBe(200);
  await system.singularity.pool.query("update singularity_source set name = current_database()");
  await emptyQueues(system);
});

test("no page can put a text in place as HTML", async () => {
  const folder = fileURLToPath(new URL("../../apps/console/src", import.meta.url));
  const files = await readdir(folder, { recursive: true });
  const sources = files.filter((name) => /\.tsx?$/.test(name));
  expect(sources.length).toBeGreaterThan(30);
  for (const name of sources) {
    const text = await readFile(`${folder}/${name}`, "utf8");
    const found =
      /dangerouslySetInnerHTML|\binnerHTML\b|outerHTML|insertAdjacentHTML|\beval\(|new Function/.exec(
        text,
      );
    expect({ name, found: found?.[0] }).toEqual({ name, found: undefined });
    expect({ name, style: / style=[{"]/.test(text) }).toEqual({ name, style: false });
  }
});
