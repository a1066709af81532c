import { join } from "node:path";
import { migrate } from "@centralcloud/db";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { ChaosServer } from "../../tools/chaos/servers/chaos-server.ts";
import {
  type RunningCommand,
  runCommandAlone as runCommand,
  startCommand,
} from "../support/command.ts";
import { queuesOf } from "../support/consumer.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  harnessName,
  type TestDatabase,
  type TestSystem,
} from "../support/databases.ts";
import { patterns } from "../support/dead-letters.ts";
import { createLogin, dropLogin } from "../support/logins.ts";
import { shownPattern } from "../support/operations-page.ts";
import { type Operator, type Steps, seatOperator } from "../support/operator.ts";
import { until } from "../support/until.ts";
import { untilListed } from "../support/until-listed.ts";
import { type EveningLoad, findDamage, startLoad } from "./evening-load.ts";

/** A minute in real life; `OPERATOR_EVENING_OUTAGE_S=60` makes it one here. */
const outageMs = Number(process.env.OPERATOR_EVENING_OUTAGE_S ?? 3) * 1_000;
const poisonCount = 40;

let server: ChaosServer;
let singularity: TestDatabase;
let central: TestDatabase;
let system: TestSystem;
let operator: Operator;
/** Who looks, and who acts: nobody has another login that evening. */
let people: Record<"viewer" | "operator", Person>;
let load: EveningLoad | undefined;
const consumers = new Set<RunningCommand>();

beforeAll(async () => {
  [server, singularity] = await Promise.all([
    ChaosServer.create("central", ["centralcloud"]),
    createTestDatabase("source"),
  ]);
  const url = server.urlOf("centralcloud");
  await migrate("central", url, () => {});
  const pool = new pg.Pool({
    idleTimeoutMillis: 0,
    connectionString: url,
    application_name: harnessName,
    max: 2,
  });
  pool.on("error", () => {});
  central = { name: "centralcloud", url, pool };
  system = { singularity, central };
  people = { viewer: await createPerson("viewer"), operator: await createPerson("operator") };
  atDesk = people.viewer;
  operator = await seatOperator({
    environment: people.viewer.environment,
    source: () => atDesk.source,
    central: () => atDesk.central,
  });
  operator.set({ SESSION_PRIVATE_KEYS_FILE: ringFile() });
});

afterAll(async () => {
  await load?.stop().catch(() => {});
  for (const { child, finished } of consumers) {
    child.kill("SIGKILL");
    await finished;
  }
  for (const person of Object.values(people ?? {})) await person.leave();
  await central?.pool.end();
  await operator?.leave();
  await server?.remove();
  await dropTestDatabase(singularity);
});

/** A person's logins on the servers of the source and of the central store. */
interface Person {
  readonly environment: Readonly<Record<string, string>>;
  readonly source: pg.Pool;
  readonly central: pg.Pool;
  leave(): Promise<void>;
}

async function createPerson(role: "viewer" | "operator"): Promise<Person> {
  const attributes = `in role centralcloud_${role}`;
  const servers = { source: inject("serverUrl"), central: server.urlOf("postgres") };
  const source = await createLogin(servers.source, attributes);
  const store = await createLogin(servers.central, attributes);
  const urls = { source: source.urlOf(singularity.url), central: store.urlOf(central.url) };
  const open = (connectionString: string) => {
    const pool = new pg.Pool({
      idleTimeoutMillis: 0,
      connectionString,
      application_name: harnessName,
      max: 1,
    });
    pool.on("error", () => {});
    return pool;
  };
  const pools = { source: open(urls.source), central: open(urls.central) };
  return {
    environment: { SOURCE_DATABASE_URLS: urls.source, CENTRAL_DATABASE_URL: urls.central },
    ...pools,
    async leave() {
      await Promise.all([pools.source.end(), pools.central.end()]);
      await dropLogin(servers.source, source);
    },
  };
}

/** Who is at the desk from now on. */
function sitDown(role: "viewer" | "operator"): void {
  atDesk = people[role];
  operator.set(atDesk.environment);
}
let atDesk: Person;

const ringFile = () => join(operator.folder, "key-ring.json");

interface Service extends RunningCommand {
  readyz(): Promise<{ readonly status: number; readonly body: string }>;
}

async function startConsumer(): Promise<Service> {
  const command = startCommand(["consume"], {
    SOURCE_DATABASE_URLS: singularity.url,
    CENTRAL_DATABASE_URL: central.url,
    SESSION_PRIVATE_KEYS_FILE: ringFile(),
    CONSUMER_HTTP_PORT: "0",
  });
  consumers.add(command);
  const port = await until("its port", () => /"detail":"port (\d+)"/.exec(command.output())?.[1]);
  const readyz = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`);
    return { status: response.status, body: await response.text() };
  };
  await until("it is ready", async () => (await readyz()).status === 200);
  return { ...command, readyz };
}

async function stopConsumer(command: RunningCommand): Promise<void> {
  command.child.kill("SIGTERM");
  expect((await command.finished).exitCode).toBe(0);
  consumers.delete(command);
}

/** Waits for the line that the page shows next, and compares it. */
async function expectLogged(steps: Steps, command: RunningCommand, event: string): Promise<void> {
  const line = await until(`${event} is logged`, () =>
    command
      .output()
      .split("\n")
      .find((one) => one.endsWith(`"msg":"${event}"}`)),
  );
  steps.expectShown(line);
}

async function queuedPatterns(): Promise<number> {
  return (await queuesOf(system).metrics(patterns)).total;
}

test(
  "an outage, poison, another key, another replica: the page tells what is seen, and nothing is lost or doubled",
  async () => {
    await runKeys("generate", "--key-id", "2026-11", "--out", ringFile());
    const first = await startConsumer();
    await runKeys("add", "--from", ringFile(), "--activate");
    load = await startLoad(system);
    await until("the first are merged", async () => (await mergedCount()) > 0);

    await server.stop("fast");
    const stoppedAt = performance.now();
    sitDown("viewer");
    const down = operator.follow("The central database is down");
    await expectLogged(down, first, "database-fault");
    const unready = await until("it is not ready", async () => {
      const answer = await first.readyz();
      return answer.status === 503 ? answer.body : undefined;
    });
    down.expectShown(unready);
    await down.next();
    expect(await down.next(3)).toContain("1 error,");
    down.end();
    const refused = await runDlq("discard", "--all", "--reason", "none of them");
    expect(refused.exitCode).toBe(3);
    await until(
      "the outage is over",
      () => performance.now() - stoppedAt > outageMs,
      outageMs + 20_000,
    );
    const waiting = await queuedPatterns();
    expect(waiting).toBeGreaterThan(50);

    await server.start();
    expect(server.urlOf("centralcloud"), "the port was taken meanwhile").toBe(central.url);
    const back = operator.follow("It is back");
    await expectLogged(back, first, "database-recovered");
    const ready = await until("it is ready again", async () => {
      const answer = await first.readyz();
      return answer.status === 200 ? answer.body : undefined;
    });
    back.expectShown(ready);
    back.end();
    await until("the backlog is gone", async () => (await queuedPatterns()) < waiting / 2);

    const poison = Array.from({ length: poisonCount }, (_, number) => 1_000_000 + number);
    await load.send(poison, { confidence: 40 });
    const bad = operator.follow("Bad messages arrive");
    await expectLogged(bad, first, "message-dead-lettered");
    await until("all of them are dead", async () => {
      return (await queuesOf(system).metrics(`${patterns}-dlq`)).total === poisonCount;
    });
    await bad.next();
    sitDown("operator");
    await bad.next();
    bad.end();

    const rotation = operator.follow("Rotate the session key");
    await rotation.next();
    await stopConsumer(first);
    const second = await startConsumer();
    const restart = operator.follow("A key is rotated, and a replica added");
    await expectLogged(restart, first, "stop-requested");
    restart.end();
    for (let step = 0; step < 2; step++) await rotation.next();
    // Behind all that the outage and the restart have left.
    const hasArrived = async () => {
      const { rows } = await central.pool.query(
        "select from central.agent_sessions where sealed ->> 'key_id' = '2026-12'",
      );
      return rows.length > 0;
    };
    await until("a session sealed for the new key has arrived", hasArrived);
    await rotation.next();
    rotation.end();

    const third = await startConsumer();
    await untilListed(central.pool, 2);
    sitDown("viewer");
    const added = operator.follow("Add or remove a replica");
    expect(JSON.parse(await added.next())).toHaveLength(2);
    added.end();

    await load.stop();
    const { sent } = load;
    // The producer is repaired, and sends right ones.
    await load.send(Array.from({ length: poisonCount }, (_, number) => sent + number));
    await until("all queues are empty", async () => {
      const empty = [
        queuesOf(system).isEmpty(patterns),
        queuesOf(system).isEmpty("agent-sessions"),
      ];
      return (await Promise.all(empty)).every(Boolean);
    });
    const home = operator.follow("Before going home");
    await home.next();
    home.end();
    for (const command of [second, third]) await stopConsumer(command);
    const numbers = sent + poisonCount;
    expect(await findDamage(system, numbers)).toEqual([]);
    // It would have been seen: here somebody claims that one more was sent.
    expect(await findDamage(system, numbers + 1)).toEqual([
      "1 numbers that were lost",
      "1 numbers that are not in the central store",
    ]);
    await expectSessionsAreNewest(sent);
  },
  240_000 + outageMs,
);

async function mergedCount(): Promise<number> {
  const { rows } = await central.pool.query<{ count: number }>(
    "select count(*)::integer as count from central.patterns",
  );
  return rows[0]?.count ?? 0;
}

/** Each session opens, by either key, and is in its last state. */
async function expectSessionsAreNewest(step: number): Promise<void> {
  const { rows } = await singularity.pool.query<{ id: string; step: number }>(
    "select id::text, (state ->> 'step')::integer as step from agent_sessions order by id",
  );
  expect(rows.map((row) => row.step)).toEqual(rows.map(() => step));
  const id = rows[0]?.id ?? "";
  const shown = await runCommand(["sessions", "show", id], environment());
  expect(shown.stdout).toMatch(shownPattern(`sealed … for 2026-12 …\nstate … {"step": ${step}}`));
  const { rows: versions } = await central.pool.query<{ behind: number }>(
    `select count(*)::integer as behind from central.agent_sessions
      where synced_at < (select max(synced_at) from central.agent_sessions) - interval '1 second'`,
  );
  expect(versions).toEqual([{ behind: 0 }]);
}

function environment(): Record<string, string> {
  return {
    SOURCE_DATABASE_URLS: singularity.url,
    CENTRAL_DATABASE_URL: central.url,
    SESSION_PRIVATE_KEYS_FILE: ringFile(),
  };
}

function runDlq(...words: readonly string[]) {
  return runCommand(["dlq", ...words], people.operator.environment);
}

async function runKeys(...words: readonly string[]): Promise<void> {
  const rest = people.operator.environment;
  const { exitCode, stderr } = await runCommand(["keys", ...words], rest);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
}
