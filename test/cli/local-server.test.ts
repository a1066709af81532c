import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  createLocalSystem,
  createScreen,
  dataFolderAt,
  type LocalSystem,
  readLocalConfiguration,
} from "../../apps/local/dist/index.js";
import { until } from "../support/until.ts";

/* What becomes of `npm start` when its own PostgreSQL is killed. */

let path = "";
let system: LocalSystem;
let screen = "";
const giveUp = vi.fn();

beforeAll(async () => {
  path = await mkdtemp(join(tmpdir(), "centralcloud-server-"));
  const configuration = readLocalConfiguration(
    { CONSUMER_HTTP_PORT: "0", CDC_ENABLED: "false" },
    { fresh: false },
  );
  const write = (text: string) => {
    screen += text;
  };
  system = createLocalSystem({
    configuration,
    demo: false,
    fresh: false,
    folder: dataFolderAt(path),
    screen: createScreen({ write }, false),
    giveUp,
  });
  await system.start();
});
afterAll(async () => {
  await system.stop(5_000);
  await rm(path, { recursive: true });
});

async function query(name: "SOURCE_DATABASE_URLS" | "CENTRAL_DATABASE_URL", text: string) {
  const url = parseEnv(await readFile(join(path, ".", "centralcloud.env"), "utf8"))[name];
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  try {
    await client.connect();
    return (await client.query(text)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

async function killServer(): Promise<void> {
  const file = join(dataFolderAt(path).postgres, "cluster", "postmaster.pid");
  const pid = Number((await readFile(file, "utf8")).split("\n")[0]);
  process.kill(pid, "SIGKILL");
}

const count = (sentence: string) => screen.split(sentence).length - 1;

test("a PostgreSQL that was killed is started again where it was, and everything continues", async () => {
  const insert = `insert into analysis_results (agent_id, result, confidence) values ('me', '{"type":"kept"}', 0.9)`;
  await query("SOURCE_DATABASE_URLS", insert);
  await killServer();
  await until("it runs again", () => count("PostgreSQL runs again, with its data") === 1);
  expect(screen).toContain("PostgreSQL has ended, and nobody here told it to");
  await query("SOURCE_DATABASE_URLS", insert);
  const select = `select observation_count::integer as count from central.patterns where pattern->>'type' = 'kept'`;
  await until("both rows arrive", async () => {
    const [row] = await query("CENTRAL_DATABASE_URL", select);
    return row?.count === 2;
  });
  expect(giveUp).not.toHaveBeenCalled();
}, 60_000);

test("one that ends again and again is not started for ever: that is said, and the whole ends", async () => {
  await killServer();
  await until("it runs again", () => count("PostgreSQL runs again, with its data") === 2);
  await killServer();
  await until("it is given up", () => giveUp.mock.calls.length > 0);
  expect(screen).toContain("PostgreSQL ended again and again, so it is not started any more");
}, 60_000);
