import { QueueClient } from "@centralcloud/queue";
import { migrateAndSchedule } from "@centralcloud/scheduler";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  type BaseBackup,
  ChaosServer,
  dropBackup,
} from "../../tools/chaos/servers/chaos-server.ts";
import { aliasOf } from "../support/alias.ts";
import { environmentOf } from "../support/command.ts";
import { whileInTransaction } from "../support/concurrently.ts";
import {
  createTestDatabase,
  dropTestDatabase,
  harnessName,
  type TestDatabase,
  type TestSystem,
} from "../support/databases.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { patternMessage } from "../support/messages.ts";
import { runCommand } from "../support/run-command.ts";
import { useService } from "../support/service.ts";
import { until } from "../support/until.ts";

/* Real servers: an original, and physical copies of it, which have its system identifier and its database's oid. */

const queue = "centralcloud-new-patterns";
const system = {} as TestSystem;
let original: ChaosServer;
let backup: BaseBackup;
const copies: ChaosServer[] = [];
/** Dropped once nobody works on them. */
const others: TestDatabase[] = [];
failOnLeaks();

beforeAll(async () => {
  original = await ChaosServer.create("original", ["singularity"]);
  await migrateAndSchedule("source", original.urlOf("singularity"), () => {});
  backup = await original.backUp();
}, 60_000);
afterAll(async () => {
  await original.remove();
  await dropBackup(backup);
});

beforeEach(async () => {
  await original.start().catch(() => {});
  system.singularity = open(original);
  system.central = await createTestDatabase("central");
});
afterEach(async () => {
  await system.singularity.pool.end();
  for (const copy of copies.splice(0)) await copy.remove();
  for (const other of others.splice(0)) await dropTestDatabase(other);
  await dropTestDatabase(system.central);
});
const services = useService(system);

function open(server: ChaosServer): TestDatabase {
  const url = server.urlOf("singularity");
  const pool = new pg.Pool({
    idleTimeoutMillis: 0,
    connectionString: url,
    application_name: harnessName,
    max: 2,
  });
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return { name: "singularity", url, pool };
}

async function startCopy(options?: { standby: boolean }): Promise<ChaosServer> {
  const copy = await ChaosServer.createFrom("copy", backup, options);
  copies.push(copy);
  return copy;
}

async function queryOn(server: ChaosServer, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.urlOf("singularity") });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

const at = (...servers: readonly ChaosServer[]) => ({
  sourceUrls: servers.map((server) => server.urlOf("singularity")),
});
const place = (server: ChaosServer) => `127.0.0.1:${server.port}/singularity`;

async function sourcesOf(service: { get(path: string): Promise<Response> }) {
  const report = await (await service.get("/readyz")).json();
  return (report as { sources: { name: string; refused?: string; waitingFor?: string }[] }).sources;
}

async function expectConsumed(server: ChaosServer): Promise<void> {
  const database = open(server);
  const queues = new QueueClient(database.pool);
  await queues.send(queue, patternMessage());
  await until("it is consumed", () => queues.isEmpty(queue));
  await database.pool.end();
}

test("a physical copy waits beside its original, and in its place, until an operator adopts it", async () => {
  const copy = await startCopy();
  const service = await services.start(at(copy, original));
  const refused = await until("one waits", async () => {
    const sources = await sourcesOf(service);
    const works = sources.some(({ waitingFor }) => waitingFor === undefined);
    return works ? sources.find((source) => source.refused !== undefined) : undefined;
  });
  expect(refused.refused).toBe("conflict");
  await service.stop(2_000);

  const { rows } = await system.central.pool.query(
    "select addresses[1] as first from central.sources",
  );
  const [holder, other] = rows[0].first === place(copy) ? [copy, original] : [original, copy];
  const alone = await services.start(at(other));
  await until("it waits alone, too", async () => (await sourcesOf(alone))[0]?.refused === "moved");
  const adopted = await runCommand(["sources", "adopt"], {
    ...environmentOf(system),
    SOURCE_DATABASE_URLS: other.urlOf("singularity"),
  });
  expect(adopted.exitCode).toBe(0);
  await alone.ready();
  await expectConsumed(other);
  const before = await services.start(at(holder));
  await until(
    "the one before waits",
    async () => (await sourcesOf(before))[0]?.refused !== undefined,
  );
});

test("an adopted database takes over from one that is consumed, which stops by itself", async () => {
  const service = await services.start(at(original));
  await service.ready();
  const copy = await startCopy();
  const other = await services.start(at(copy));
  await until("the copy waits", async () => (await sourcesOf(other))[0]?.refused === "conflict");
  await runCommand(["sources", "adopt", "--source", place(copy)], {
    ...environmentOf(system),
    SOURCE_DATABASE_URLS: copy.urlOf("singularity"),
  });
  await other.ready();
  expect((await sourcesOf(service))[0]?.refused).toBeDefined();
  await expectConsumed(copy);
});

test("a promoted standby takes the source's place by itself, once nobody works on the old primary", async () => {
  const first = await services.start(at(original));
  await first.ready();
  const standby = await startCopy({ standby: true });
  const second = await services.start(at(standby));
  await until("it is a standby", async () =>
    (await sourcesOf(second))[0]?.waitingFor?.includes("the server is a standby"),
  );
  await queryOn(standby, "select pg_promote()");
  await until(
    "both live: the new one waits",
    async () => (await sourcesOf(second))[0]?.refused === "conflict",
  );
  await original.stop("fast");
  await second.ready();
  expect(second.observations).toContainEqual(
    expect.objectContaining({
      event: "source-moved",
      from: place(original),
      address: place(standby),
    }),
  );
  await expectConsumed(standby);

  // The old primary comes back, and must not be believed any more.
  await original.start();
  await until("it waits", async () => (await sourcesOf(first))[0]?.refused !== undefined);
  const { waitingFor } = (await sourcesOf(first))[0] ?? {};
  expect(waitingFor).toMatch(
    /is at timeline 2; this one is at timeline 1: an old primary|another time/,
  );
});

test("a server that is restarted is the same, also where a dead replica had claimed it", async () => {
  const service = await services.start(at(original));
  await service.ready();
  await original.stop("immediate");
  await original.start();
  await service.ready();
  await expectConsumed(original);
});

test("a restart is refused to none of several replicas, whichever notices it first", async () => {
  const replicas = await Promise.all([1, 2, 3].map(() => services.start(at(original))));
  await Promise.all(replicas.map((replica) => replica.ready()));
  await original.stop("fast");
  await original.start();
  await Promise.all(replicas.map((replica) => replica.ready()));
  const refusals = replicas.flatMap(({ observations }) =>
    observations.filter(({ event }) => event === "source-refused"),
  );
  expect(refusals).toEqual([]);
  await expectConsumed(original);
});

describe("while the central store can't say whose a source is", () => {
  /** As where the store is slow, or a transaction has the row of the source: who asks gives up after seconds. */
  async function whileNobodyIsJudged<Result>(
    change: string,
    meanwhile: () => Promise<Result>,
  ): Promise<Result> {
    const { pool } = system.central;
    return await whileInTransaction(
      pool,
      (client) => client.query(`update central.sources set ${change}`),
      meanwhile,
    );
  }
  const waits = async (server: ChaosServer) => {
    const database = open(server);
    const isEmpty = await new QueueClient(database.pool).isEmpty(queue);
    await database.pool.end();
    return !isEmpty;
  };

  test("nothing is read from a server that was started anew, and nothing at all once it is refused", async () => {
    const service = await services.start(at(original));
    await service.ready();
    // The store will know of a promoted standby, so that this server is an old primary.
    await whileNobodyIsJudged("timeline = 9", async () => {
      await original.stop("fast");
      await original.start();
      await queryOn(original, `select pgmq.send('${queue}', '${patternMessage()}')`);
      await until("it is asked in vain", async () => {
        expect(await waits(original)).toBe(true);
        return service.observations.some(
          (one) => one.event === "lane-fault" && one.code === "source_not_judged",
        );
      });
    });
    await until("it is refused", async () => (await sourcesOf(service))[0]?.refused === "moved");
    expect(await waits(original)).toBe(true);
    await system.central.pool.query("update central.sources set timeline = 1");
    await service.ready();
    await until("it is consumed", async () => !(await waits(original)));
  });

  test("the server that it has judged continues, on new connections, too", async () => {
    const service = await services.start(at(original));
    await service.ready();
    await expectConsumed(original);
    await whileNobodyIsJudged("name = name", async () => {
      await queryOn(
        original,
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'centralcloud-%'",
      );
      await expectConsumed(original);
    });
    expect(service.observations.map(({ event }) => event)).not.toContain("source-refused");
  });
});

test("two hosts that both call something localhost work on one source", async () => {
  const other = await createTestDatabase("source");
  others.push(other);
  const first = await services.start(at(original));
  await first.ready();
  // The other host has named it as this one names another database.
  await system.central.pool.query("update central.sources set addresses = array[$1]", [
    new URL(other.url).host + new URL(other.url).pathname,
  ]);
  const service = await services.start({ sourceUrls: [...at(original).sourceUrls, other.url] });
  await service.ready();
  await expectConsumed(original);
});

test("an id belongs to its own address wherever that is configured, too, whichever name of the server comes first", async () => {
  const first = await services.start(at(original));
  await first.ready();
  await first.stop(2_000);
  const [own = ""] = at(original).sourceUrls;
  const service = await services.start({ sourceUrls: [aliasOf(own), own] });
  const sources = await until("one works, and one waits", async () => {
    const found = await sourcesOf(service);
    const isSettled = found.every(({ waitingFor, refused }) => !waitingFor || refused);
    return isSettled ? found : undefined;
  });
  expect(sources.map(({ refused }) => refused)).toEqual(["conflict", undefined]);
});
