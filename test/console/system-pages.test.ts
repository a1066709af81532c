import { createConsumer } from "@centralcloud/consumer";
import { withoutSecrets } from "@centralcloud/postgres";
import { afterEach, describe, expect, test } from "vitest";
import { useCapture } from "../support/capture.ts";
import { type Browser, useConsole } from "../support/console.ts";
import { configurationFor } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { addNewKey } from "../support/session-keys.ts";
import { withSilentServer } from "../support/silent-server.ts";
import { until } from "../support/until.ts";

/* The parts of the system: consumers, jobs, what the doctor finds, alerts, captures, keys, the change log. */

const system = useSystem();
failOnLeaks(system);
const consoles = useConsole(system);
const away = "postgres://nobody@127.0.0.1:1/away";
const evil = `<script>alert(1)</script><img src=x onerror=alert(2)>`;

async function signIn(environment: Readonly<Record<string, string>> = {}): Promise<Browser> {
  return await (await consoles.start(environment)).signIn();
}

const withAway = () => ({
  SOURCE_DATABASE_URLS: `${system.singularity.url} ${away}`,
  CONSOLE_ASK_TIMEOUT_S: "10",
});

/** Some pages show what a snapshot has, which comes a moment later. */
function shows(browser: Browser, address: string, words: string): Promise<string> {
  return until(`${address} to show ${words}`, async () => {
    const { status, text } = await browser.get(address);
    expect(status).toBe(200);
    return text.includes(words) ? text : undefined;
  });
}

describe("consumers", () => {
  afterEach(() => system.central.pool.query("delete from central.consumers"));

  test("none at work is said, with what that means and what starts one", async () => {
    const { status, text } = await (await signIn()).get("/consumers");
    expect(status).toBe(200);
    expect(text).toContain("No consumer is at work");
    expect(text).toContain("centralcloud consume");
  });

  test("one at work is shown with its lanes and with what keeps it from a source", async () => {
    const configuration = configurationFor(system, {
      sourceUrls: [system.singularity.url, away],
    });
    const consumer = createConsumer(configuration, () => {});
    await consumer.start();
    try {
      const browser = await signIn();
      const id = consumer.health().replica;
      const list = await shows(browser, "/consumers", id);
      expect(list).toContain(`/consumers/${id}`);
      const page = await shows(browser, `/consumers/${id}`, "127.0.0.1:1/away is not consumed yet");
      expect(page).toContain("connect ECONNREFUSED");
      const lanes = await shows(browser, `/consumers/${id}`, "/queues/centralcloud-new-patterns/");
      expect(lanes).toContain(system.singularity.name);
    } finally {
      await consumer.stop();
    }
  });

  test("one that was lost is told as lost, and its host can't be markup", async () => {
    await system.central.pool.query(
      `insert into central.consumers (id, version, host, last_seen_at)
       values ('00000000-0000-4000-8000-000000000001', '0.0.1', $1, now() - interval '2 minutes')`,
      [evil],
    );
    const browser = await signIn();
    for (const address of ["/consumers", "/consumers/00000000-0000-4000-8000-000000000001"]) {
      const { status, text } = await browser.get(address);
      expect(status).toBe(200);
      expect(text).toContain("lost");
      expect(text).not.toContain("<script>alert");
    }
    expect((await browser.get("/consumers/nobody")).status).toBe(404);
  });
});

describe("jobs", () => {
  const job = "assign-tasks-every-2min";
  const address = () => `/jobs/${system.singularity.name}/${job}`;

  test("each is listed with its schedule, and a source that is away is named", async () => {
    const text = await shows(await signIn(withAway()), "/jobs", address());
    expect(text).toContain("never ran");
    expect(text).toContain("127.0.0.1:1/away");
  });

  test("one is run with a reason, which is put on record, and the run stands on top of its runs", async () => {
    const browser = await signIn();
    const before = await browser.get(address());
    expect(before.status).toBe(200);
    expect(before.text).toContain("It never ran");
    const unsaid = await browser.post(`${address()}/run`, { reason: "" });
    expect(unsaid.status).toBe(422);
    expect((await system.singularity.pool.query("select from public.job_runs")).rowCount).toBe(0);
    const key = crypto.randomUUID();
    for (let count = 0; count < 2; count++) {
      const run = await browser.post(`${address()}/run`, { reason: "a test", "form-key": key });
      expect(run).toMatchObject({ status: 303, headers: { location: address() } });
    }
    const after = await browser.get(address());
    expect(after.text).toContain("succeeded");
    expect(after.text).toContain("operator");
    const { rows } = await system.central.pool.query(
      "select action, reason, selection ->> 'job' as job from central.operator_actions where action = 'job-run'",
    );
    expect(rows).toEqual([{ action: "job-run", reason: "a test", job }]);
    const { rowCount } = await system.singularity.pool.query("select from public.job_runs");
    expect(rowCount).toBe(1);
  });

  test("one that does not exist is not found, neither to look at nor to run", async () => {
    const browser = await signIn();
    const missing = `/jobs/${system.singularity.name}/no-such-job`;
    expect((await browser.get(missing)).status).toBe(404);
    expect((await browser.post(`${missing}/run`, { reason: "a test" })).status).toBe(404);
    expect((await browser.get("/jobs/no-such-source/x")).status).toBe(400);
  });

  test("the text of an error is masked, and no markup of it is", async () => {
    await system.singularity.pool.query(
      `insert into public.job_runs (job_name, started_by, started_at, finished_at, status, error)
       values ($1, 'operator', now(), now(), 'failed', $2)`,
      [job, `invalid input "hidden words" ${evil}`],
    );
    const browser = await signIn();
    const { text } = await browser.get(address());
    expect(text).toContain("failed");
    expect(text).not.toContain("hidden words");
    expect(text).not.toContain("<script>alert");
  });
});

describe("the doctor", () => {
  test("what is wrong comes first, with how to repair it, and the command that says the same", async () => {
    const browser = await signIn({ ...withAway(), CONSOLE_ASK_TIMEOUT_S: "30" });
    const { status, text } = await browser.get("/doctor");
    expect(status).toBe(200);
    expect(text).toContain("it can't be reached");
    expect(text).toContain("How to repair it");
    expect(text.indexOf("127.0.0.1:1/away")).toBeLessThan(text.indexOf("What is in order"));
    expect(text).toContain(">centralcloud doctor</code>");
  });

  test("it makes one check of one source where that is asked for, and refuses what it does not know", async () => {
    const browser = await signIn({ CONSOLE_ASK_TIMEOUT_S: "30" });
    const { name } = system.singularity;
    const { status, text } = await browser.get(`/doctor?check=server&source=${name}`);
    expect(status).toBe(200);
    expect(text.replaceAll("'", "")).toContain(
      `centralcloud doctor --check server --source ${name}`,
    );
    expect(text).toContain("finding");
    expect((await browser.get("/doctor?check=nonsense")).status).toBe(400);
    expect((await browser.get("/doctor?source=nonsense")).status).toBe(400);
  });
});

describe("alerts", () => {
  test("each alert of the rules has its runbook in the console", async () => {
    const browser = await signIn();
    const { text } = await browser.get("/alerts");
    const names = Array.from(text.matchAll(/href="\/alerts\/(\w+)"/g), ([, name]) => name ?? "");
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) {
      const page = await browser.get(`/alerts/${name}`);
      expect({ name, status: page.status }).toEqual({ name, status: 200 });
      expect(page.text).toContain("<em>Do:</em>");
      expect(page.text).toContain("When it fires");
    }
    expect((await browser.get("/alerts/NoSuchAlert")).status).toBe(404);
  });
});

describe("session keys", () => {
  test("no key is explained; then each is told with its state and with who lacks it", async () => {
    const browser = await signIn();
    expect((await browser.get("/keys")).text).toContain("No source knows a key");
    await addNewKey(system.singularity, "2026-11", { activate: true });
    const alone = await browser.get("/keys");
    expect(alone.text).toContain("2026-11");
    expect(alone.text).toContain("no consumer is at work");
    await system.central.pool.query(
      `insert into central.consumers (id, version, host, held_keys, opens_bound_seals)
       values (gen_random_uuid(), '1', 'lacking-host', '{}', true)`,
    );
    const lacking = await browser.get("/keys");
    expect(lacking.text).toContain("1 of 1 lack it");
    expect(lacking.text).toContain("lacking-host");
    expect(lacking.text).not.toMatch(/PRIVATE KEY|SESSION_PRIVATE/);
    await system.central.pool.query("delete from central.consumers");
    const { text } = await (await signIn(withAway())).get("/keys");
    expect(text).toContain("127.0.0.1:1/away");
    expect(text).toContain("2026-11");
  });
});

describe("change capture", () => {
  const capture = useCapture(system);

  test("without one it says that nothing is captured", async () => {
    const browser = await signIn(withAway());
    const { status, text } = await browser.get("/capture");
    expect(status).toBe(200);
    expect(text).toContain("not captured");
    expect(text).toContain("127.0.0.1:1/away");
    expect((await browser.get("/changes?table=nothing")).text).toContain("no such entry");
  });

  test("one that reads shows how far behind it is; its log is masked, paged, and revealed on record", async () => {
    const part = await capture.start();
    await part.observed("capture-reading");
    await system.singularity.pool.query(
      `insert into public.analysis_results (agent_id, result, confidence)
       select $1, jsonb_build_object('name', 'hidden words ' || n), 0.95 from generate_series(1, 5) n`,
      [evil],
    );
    await system.singularity.pool.query("select public.learn_patterns_from_analysis()");
    await capture.caughtUp();
    const browser = await signIn();
    const { text } = await browser.get("/capture");
    expect(text).toContain("is read");
    expect(text).toContain("How far the change log is behind each source now");
    const first = await browser.get("/changes?table=learned_patterns&limit=3");
    expect(first.status).toBe(200);
    expect(first.text).toContain("(masked");
    expect(first.text).not.toContain("hidden words");
    expect(first.text).not.toContain("<script>alert");
    expect(first.text.replaceAll("'", "")).toContain(
      "centralcloud cdc log --table learned_patterns --limit 3",
    );
    const next = /href="([^"]+)" rel="next"/.exec(first.text)?.[1]?.replaceAll("&amp;", "&") ?? "";
    const second = await browser.get(next);
    const rows = (page: string) => page.match(/<tr><th scope="row">/g)?.length ?? 0;
    expect(rows(first.text)).toBe(3);
    expect(rows(second.text)).toBeGreaterThanOrEqual(2);
    const shown = await browser.post("/changes/reveal?table=learned_patterns", {
      reason: "a test",
    });
    expect(shown.status).toBe(200);
    expect(shown.text).toContain("hidden words");
    expect(shown.text).not.toContain("<script>alert");
    const { rows: recorded } = await system.central.pool.query(
      "select reason, selection #>> '{changes,tables,0}' as tables from central.operator_actions where action = 'reveal'",
    );
    expect(recorded).toEqual([{ reason: "a test", tables: "learned_patterns" }]);
    await part.stop(5_000);
    const unread = await until("nobody reads", async () => {
      const page = (await browser.get("/capture")).text;
      return page.includes("Nobody reads the slot") ? page : undefined;
    });
    expect(unread).toContain("What is wrong");
  });

  test("of a source that says nothing only that one is named, and the central store tells of the others", async () => {
    await withSilentServer(async ({ url }) => {
      const browser = await signIn({
        SOURCE_DATABASE_URLS: `${system.singularity.url} ${url}`,
        CONSOLE_ASK_TIMEOUT_S: "2",
      });
      const { status, text } = await browser.get("/capture");
      expect(status).toBe(200);
      expect(text).toContain("1 database did not answer");
      expect(text).toContain("/silent</bdi>");
      expect(text).not.toContain(`${withoutSecrets(system.central.url)}</bdi>`);
      expect(text).toContain(system.singularity.name);
    });
  });

  test("without the central store the slots are told nevertheless", async () => {
    const browser = await signIn({ CENTRAL_DATABASE_URL: away });
    const { status, text } = await browser.get("/capture");
    expect(status).toBe(200);
    expect(text).toContain("127.0.0.1:1/away");
    expect(text).toContain(system.singularity.name);
    expect((await browser.get("/changes")).text).toContain("did not answer");
  });
});
