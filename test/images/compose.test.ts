import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatSessionKey, generateKey } from "@centralcloud/session-keys";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { findEngine } from "../support/build-image.ts";
import { until } from "../support/until.ts";

const deploy = fileURLToPath(new URL("../../deploy/", import.meta.url));
const secrets = mkdtempSync(join(tmpdir(), "centralcloud-secrets-"));
const project = `centralcloud-test-${randomBytes(4).toString("hex")}`;
const environment = {
  ...process.env,
  COMPOSE_PROJECT_NAME: project,
  CENTRALCLOUD_SECRETS: secrets,
  CENTRALCLOUD_IMAGE: inject("centralcloudImage"),
  CENTRALCLOUD_POSTGRES_IMAGE: "centralcloud-postgres:test",
  // Any free port.
  CENTRALCLOUD_POSTGRES_PORT: "0",
  // When a killed consumer's messages come back.
  CONSUMER_VISIBILITY_TIMEOUT_S: "5",
};

const compose = await findCompose();
// Where compose is missing in CI, `deploy/up` fails, and says so.
describe.skipIf(compose === undefined && !process.env.CI)("the compose file", () => {
  let pools: pg.Pool[] = [];

  beforeAll(async () => {
    const { exitCode, output } = await run(`${deploy}up`, ["--scale", "consumer=2"]);
    expect(exitCode, output).toBe(0);
  }, 180_000);

  afterAll(async () => {
    await Promise.all(pools.map((pool) => pool.end()));
    pools = [];
    // What the last test has not taken down, because one before it failed.
    await runCompose("down", "--volumes", "--timeout", "5");
    rmSync(secrets, { recursive: true });
  });

  async function open(login: string, database: string): Promise<pg.Pool> {
    const [container = ""] = await containersOf("postgres");
    const pool = new pg.Pool({
      idleTimeoutMillis: 0,
      host: "127.0.0.1",
      port: await publishedPort(container, 5432),
      user: login === "postgres" ? login : `${login}_1`,
      password: readFileSync(join(secrets, `${login}-password`), "utf8"),
      database,
      max: 2,
    });
    // The server is taken down before the pools.
    pool.on("error", () => {});
    pools.push(pool);
    return pool;
  }

  test("what an application writes reaches the central store, though a consumer is killed", async () => {
    const application = await open("application", "singularity");
    const central = await open("postgres", "centralcloud");
    const replicas = await containersOf("consumer");
    expect(replicas).toHaveLength(2);
    const docker = await findEngine();
    for (let round = 0; round < 10; round += 1) {
      await application.query(
        `insert into analysis_results (agent_id, result, confidence, learned)
         select 'agent-' || n % 7, jsonb_build_object('type', 'retry', 'number', $1::integer * 100 + n), 0.95, false
           from generate_series(1, 100) n`,
        [round],
      );
      await application.query(
        `insert into agent_sessions (agent_id, state)
         select 'agent-' || n, '{"step":1}' from generate_series($1::integer * 10 + 1, $1::integer * 10 + 10) n`,
        [round],
      );
      await application.query("select learn_patterns_from_analysis()");
      if (round === 3) await docker.getContainer(replicas[0] ?? "").kill();
    }
    const counts = await until("all is in the central store", async () => {
      const { rows } = await central.query<{ patterns: number; sessions: number }>(
        `select (select coalesce(sum(observation_count), 0)::integer from central.patterns) as patterns,
                  (select count(sealed)::integer from central.agent_sessions) as sessions`,
      );
      return rows[0] && rows[0].patterns >= 1_000 && rows[0].sessions >= 100 && rows[0];
    });
    expect(counts).toEqual({ patterns: 1_000, sessions: 100 });
    const port = await publishedPort(replicas[1] ?? "", 9464);
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
    expect((await docker.getContainer(replicas[0] ?? "").inspect()).State.Running).toBe(false);
  });

  test("another deploy/up after a rotation replaces consumers one by one, and seals for the new key", async () => {
    const ring = join(secrets, "session-key");
    chmodSync(ring, 0o644);
    appendFileSync(ring, formatSessionKey(await generateKey({ keyId: "rotated", alg: "openpgp" })));
    const keys = ["run", "--rm", "-T", "operate", "keys"];
    const add = ["add", "--from", "/run/secrets/session-key", "--key-id", "rotated", "--activate"];
    expect(await runCompose(...keys, ...add, "--force")).toMatchObject({ exitCode: 0 });

    const before = await containersOf("consumer");
    const changes = { LOG_LEVEL: "warn", CDC_ENABLED: "true" };
    const { exitCode, output } = await run(`${deploy}up`, ["--scale", "consumer=2"], changes);
    expect(exitCode, output).toBe(0);
    const after = await containersOf("consumer");
    expect(after).toHaveLength(2);
    expect(after.filter((replica) => before.includes(replica))).toEqual([]);
    const list = await runCompose(...keys, "list");
    expect(list.output).toMatch(/rotated +\S+ +yes .* yes /);

    const status = await until("the change log is read", async () => {
      const { output } = await runCompose(...["run", "--rm", "-T", "migrate", "cdc", "status"]);
      return /reading/.test(output) && output;
    });
    expect(status).toContain("singularity");
  });

  test("the consumer's login may not read what it has no use for", async () => {
    const consumer = await open("consumer", "singularity");
    for (const table of ["session_keys", "agent_sessions"]) {
      await expect(consumer.query(`select * from ${table}`)).rejects.toThrow("permission denied");
    }
  });

  test("one command takes it all down", async () => {
    expect(await runCompose("down", "--volumes")).toMatchObject({ exitCode: 0 });
    const docker = await findEngine();
    const label = `com.docker.compose.project=${project}`;
    const filters = { label: [label] };
    expect(await docker.listContainers({ all: true, filters })).toEqual([]);
    expect((await docker.listVolumes({ filters })).Volumes).toEqual([]);
    expect(await docker.listNetworks({ filters })).toEqual([]);
  });

  test("without secrets it does not start, and says what to run", async () => {
    const { exitCode, output } = await runCompose("config", { CENTRALCLOUD_SECRETS: "" });
    expect(exitCode).not.toBe(0);
    expect(output).toContain("run deploy/make-secrets");
  });
});

async function containersOf(service: string): Promise<string[]> {
  const found = await (await findEngine()).listContainers({
    filters: {
      label: [`com.docker.compose.project=${project}`, `com.docker.compose.service=${service}`],
    },
  });
  return found.map(({ Id }) => Id);
}

async function publishedPort(container: string, port: number): Promise<number> {
  const { NetworkSettings } = await (await findEngine()).getContainer(container).inspect();
  return Number(NetworkSettings.Ports[`${port}/tcp`]?.[0]?.HostPort);
}

async function findCompose(): Promise<readonly string[] | undefined> {
  for (const words of [["docker", "compose"], ["docker-compose"]]) {
    const [program = "", ...rest] = words;
    const { exitCode } = await run(program, [...rest, "version"]).catch(() => ({ exitCode: -1 }));
    if (exitCode === 0) return words;
  }
  return undefined;
}

function runCompose(...given: (string | Record<string, string>)[]) {
  const words = given.filter((word) => typeof word === "string");
  const changes = Object.assign({}, ...given.filter((word) => typeof word !== "string"));
  const [program = "docker", ...rest] = compose ?? ["docker", "compose"];
  return run(program, [...rest, "--file", `${deploy}compose.yaml`, ...words], changes);
}

async function run(program: string, words: readonly string[], changes = {}) {
  const child = spawn(program, words, { env: { ...environment, ...changes } });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { exitCode, output };
}
