import { beforeAll, expect, test } from "vitest";
import { type Browser, useConsole } from "../support/console.ts";
import { drainAll, queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { patterns } from "../support/dead-letters.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { useMembers } from "../support/logins.ts";
import { patternMessage } from "../support/messages.ts";

/* What the fleet has learned, and where a message, an agent or a session is found. */

const system = useSystem();
failOnLeaks(system);
const consoles = useConsole(system);
const members = useMembers(system, {
  viewer: "centralcloud_viewer",
  operator: "centralcloud_operator",
});

/** What a source can put into each of its texts, to have it run in the browser of whoever looks. */
const evil = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`;
const away = "postgres://nobody@127.0.0.1:1/away";

let msgId = "";
let fingerprint = "";
const source = () => system.singularity.name;

beforeAll(async () => {
  const sent = await queuesOf(system).send(
    patterns,
    patternMessage({ agent_id: evil, pattern: { secret: "hidden words" }, confidence: 0.97 }),
  );
  msgId = `${sent}`;
  await drainAll(system);
  const { rows } = await system.central.pool.query<{ fingerprint: string }>(
    "select encode(fingerprint, 'hex') as fingerprint from central.patterns",
  );
  fingerprint = rows[0]?.fingerprint ?? "";
  // Two more sources that have seen it, so that they agree; and what agents know.
  await system.central.pool.query(
    `with others as (
       insert into central.sources (source_id, name) values (gen_random_uuid(), 'eu-2'), (gen_random_uuid(), 'eu-3')
       returning source_id
     ), seen as (
       insert into central.pattern_agents (fingerprint, source_id, agent_id, observation_count, last_learned_at)
       select decode($1, 'hex'), o.source_id, 'agent-2', 5, now() from others o
     )
     update central.patterns
        set source_count = 3, agent_count = 3, observation_count = 11, confidence_sum = 11 * 0.97,
            source_ids = source_ids || array(select o.source_id from others o)`,
    [fingerprint],
  );
  await system.central.pool.query(
    `insert into central.agent_sessions (source_id, session_id, agent_id, confidence, session_state, synced_at, message_hash)
     select s.source_id, 'session-1', $1, 0.5, '{"state": "hidden words"}', now(), '\\x00'
       from central.sources s where s.name = $2`,
    [evil, source()],
  );
  await system.central.pool.query(
    `insert into central.agent_knowledge (source_id, agent_id, pattern_count, confidence, updated_at)
     select s.source_id, a.id, 12, 0.75, now() from central.sources s cross join unnest($1::text[]) a (id) where s.name = $2`,
    [[evil, "agent-5", "agent-6"], source()],
  );
});

async function signIn(environment: Readonly<Record<string, string>> = {}): Promise<Browser> {
  return await (await consoles.start(environment)).signIn();
}

const path = (...parts: readonly string[]) => `/${parts.map(encodeURIComponent).join("/")}`;

/** Nothing of a source is markup, and nothing that is masked is there. */
function expectHarmless(text: string): void {
  expect(text).not.toContain("<script>alert");
  expect(text).not.toContain("<img src=x");
  expect(text).not.toContain("hidden words");
}

test("the patterns that most sources have seen come first, with what they agree on and how that grew", async () => {
  const { status, text } = await (await signIn()).get("/patterns");
  expect(status).toBe(200);
  expect(text).toContain(path("patterns", fingerprint));
  expect(text).toContain("agreed");
  expect(text).toContain("Consensus over time");
  expectHarmless(text);
});

test("patterns are paged by keyset, each once", async () => {
  await system.central.pool.query(
    `insert into central.patterns (fingerprint, pattern, observation_count, confidence_max, confidence_sum, first_learned_at,
                                   last_learned_at, source_count, source_ids)
     select sha256(n::text::bytea), jsonb_build_object('n', n), 1 + n % 3, 0.5, 0.5, now(), now(), 1,
            array[(select s.source_id from central.sources s limit 1)]
       from generate_series(1, 5) n`,
  );
  const browser = await signIn();
  const seen: string[] = [];
  let next: string | undefined = "/patterns?limit=2";
  while (next !== undefined) {
    const page: string = (await browser.get(next)).text;
    const table = page.slice(page.indexOf("All, by how many sources"));
    seen.push(
      ...Array.from(table.matchAll(/\/patterns\/([0-9a-f]{64})/g), ([, name]) => name ?? ""),
    );
    next = /href="([^"]+)" rel="next"/.exec(page)?.[1]?.replaceAll("&amp;", "&");
  }
  expect(seen).toHaveLength(6);
  expect(new Set(seen).size).toBe(6);
  expect(seen[0]).toBe(fingerprint);
  const agreed = (await browser.get("/patterns?consensus=yes")).text;
  expect(agreed.match(/\/patterns\/[0-9a-f]{64}/g)).toHaveLength(2);
  await system.central.pool.query("delete from central.patterns where source_count = 1");
});

test("a pattern names its sources and agents, is masked, and is revealed by a reason that is put on record", async () => {
  const browser = await signIn();
  const { status, text } = await browser.get(path("patterns", fingerprint));
  expect(status).toBe(200);
  expect(text).toContain("3 sources agree on it");
  expect(text).toContain("eu-2");
  expect(text).toContain("(masked object)");
  expectHarmless(text);
  const refused = await browser.post(`${path("patterns", fingerprint)}/reveal`, { reason: "" });
  expect(refused.status).toBe(422);
  expect(refused.text).not.toContain("hidden words");
  const shown = await browser.post(`${path("patterns", fingerprint)}/reveal`, {
    reason: "a test of looking",
  });
  expect(shown.status).toBe(200);
  expect(shown.text).toContain("hidden words");
  const { rows } = await system.central.pool.query(
    "select action, reason, selection ->> 'pattern' as pattern from central.operator_actions order by id desc limit 1",
  );
  expect(rows).toEqual([{ action: "reveal", reason: "a test of looking", pattern: fingerprint }]);
});

test("who may not reveal is told which right is missing, and the server refuses the form", async () => {
  const tokens = await consoles.start({ CONSOLE_READ_ONLY: "true" });
  const browser = await tokens.signIn();
  const { status } = await browser.get(path("patterns", fingerprint));
  expect(status).toBe(200);
  // Looking is not acting: read-only takes the right to operate away, and no other.
  const run = await browser.post(`${path("jobs", source(), "assign-tasks-every-2min")}/run`, {
    reason: "a test",
  });
  expect(run.status).toBe(403);
});

test("an agent's page has what it knows, how fast it works, and one timeline of what it sent, masked", async () => {
  const browser = await signIn();
  const list = await browser.get("/agents");
  expect(list.text).toContain("agent-5");
  expectHarmless(list.text);
  const { status, text } = await browser.get(path("agents", evil));
  expect(status).toBe(200);
  expect(text).toContain(`sent as message ${msgId} to ${patterns}`);
  expect(text).toContain(path("messages", source(), patterns, msgId));
  expect(text).toContain("How fast it works");
  expectHarmless(text);
  const revealed = await browser.post(`${path("agents", evil)}/reveal`, { reason: "a test" });
  expect(revealed.text).toContain("hidden words");
  expect(revealed.text).not.toContain("<script>alert");
});

test("agents are paged by keyset", async () => {
  const browser = await signIn();
  const first = await browser.get("/agents?limit=2");
  const next = /href="([^"]+)" rel="next"/.exec(first.text)?.[1]?.replaceAll("&amp;", "&") ?? "";
  const second = await browser.get(next);
  expect(second.status).toBe(200);
  expect(second.text).toContain("agent-6");
  expect(second.text).not.toContain("agent-5");
  expect((await browser.get("/agents?after=nonsense")).status).toBe(400);
});

test("sessions show what stands beside their state, which no page has", async () => {
  const browser = await signIn();
  for (const address of [
    "/sessions",
    "/sessions?session=session-1",
    `/sessions?source=${source()}`,
  ]) {
    const { status, text } = await browser.get(address);
    expect(status).toBe(200);
    expect(text).toContain(path("sessions", source(), "session-1"));
    expectHarmless(text);
  }
  expect((await browser.get("/sessions?agent=nobody")).text).toContain("No session is");
  const { status, text } = await browser.get(path("sessions", source(), "session-1"));
  expect(status).toBe(200);
  expect(text).toContain("the store has session session-1");
  expect(text).not.toContain("Reveal");
  expectHarmless(text);
});

test("a message is one timeline from when it was sent until it was merged, and is found by its id", async () => {
  const browser = await signIn();
  const { status, text } = await browser.get(path("messages", source(), patterns, msgId));
  expect(status).toBe(200);
  const places = [`sent as message ${msgId}`, ">ledger<", ">archive<"].map((words) =>
    text.indexOf(words),
  );
  expect(places).not.toContain(-1);
  expect(places).toEqual(places.toSorted((one, other) => one - other));
  expect(text.replaceAll("'", "")).toContain(`centralcloud trace --message ${msgId} --source`);
  expectHarmless(text);
  const found = await browser.get(`/messages?message=${msgId}`);
  expect(found.text).toContain(path("messages", source(), patterns, msgId));
  const named = await browser.get("/messages?message=agent-5");
  expect(named.text).toContain(path("agents", "agent-5"));
  expect(named.text).toContain("/sessions?session=agent-5");
  const revealed = await browser.post(`${path("messages", source(), patterns, msgId)}/reveal`, {
    reason: "a test",
  });
  expect(revealed.text).toContain("hidden words");
});

test("what is not known any more of a message is named at its place", async () => {
  const { pool } = system.singularity;
  await pool.query(`delete from pgmq."a_${patterns}"`);
  const { status, text } = await (await signIn()).get(path("messages", source(), patterns, msgId));
  expect([200, 404]).toContain(status);
  expect(text).toMatch(/not known|Nothing is known/);
});

test("what is named and is not there is not found", async () => {
  const browser = await signIn();
  for (const address of [
    path("patterns", "ab".repeat(32)),
    path("patterns", "no-fingerprint"),
    path("agents", "nobody-at-all"),
    path("sessions", source(), "no-such-session"),
    path("messages", source(), "no-such-queue", "1"),
    path("messages", source(), patterns, "not-a-number"),
  ]) {
    expect({ address, status: (await browser.get(address)).status }).toEqual({
      address,
      status: 404,
    });
  }
});

test("a source that is away is named, and what the others know is shown", async () => {
  const browser = await signIn({
    SOURCE_DATABASE_URLS: `${system.singularity.url} ${away}`,
    CONSOLE_ASK_TIMEOUT_S: "10",
  });
  const { status, text } = await browser.get(path("agents", evil));
  expect(status).toBe(200);
  expect(text).toContain("127.0.0.1:1/away");
  expect(text).toContain("What it knows");
});

test("where the central store is away, each page says so", async () => {
  const browser = await signIn({ CENTRAL_DATABASE_URL: away, CONSOLE_ASK_TIMEOUT_S: "5" });
  for (const address of [
    "/patterns",
    path("patterns", fingerprint),
    "/agents",
    "/sessions",
    path("sessions", source(), "session-1"),
    path("agents", "agent-5"),
  ]) {
    const { status, text } = await browser.get(address);
    expect({ address, status, isNamed: text.includes("127.0.0.1:1/away") }).toEqual({
      address,
      status: 200,
      isNamed: true,
    });
  }
});

test("all of it is read with a viewer's rights, and revealing takes an operator's", async () => {
  const { viewer, operator } = members;
  const environment = {
    SOURCE_DATABASE_URLS: viewer.singularity.url,
    CENTRAL_DATABASE_URL: viewer.central.url,
  };
  const browser = await signIn(environment);
  for (const address of ["/patterns", path("patterns", fingerprint), "/agents", "/sessions"]) {
    const { status, text } = await browser.get(address);
    expect({ address, status, silent: text.includes("did not answer") }).toEqual({
      address,
      status: 200,
      silent: false,
    });
  }
  // The source does not let a viewer see the agents' tasks by agent, and that is said on the page.
  const agent = await browser.get(path("agents", "agent-5"));
  expect(agent.status).toBe(200);
  expect(agent.text).toContain("agent_performance_5min");
  const refused = await browser.post(`${path("patterns", fingerprint)}/reveal`, {
    reason: "a test",
  });
  expect([500, 503]).toContain(refused.status);
  expect(refused.text).not.toContain("hidden words");
  const acting = await signIn({
    ...environment,
    CONSOLE_OPERATOR_SOURCE_DATABASE_URLS: operator.singularity.url,
    CONSOLE_OPERATOR_CENTRAL_DATABASE_URL: operator.central.url,
  });
  const shown = await acting.post(`${path("patterns", fingerprint)}/reveal`, { reason: "a test" });
  expect(shown.text).toContain("hidden words");
});
