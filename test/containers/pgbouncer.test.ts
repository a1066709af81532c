import pg from "pg";
import { GenericContainer, type StartedTestContainer, Wait } from "testcontainers";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { buildImage } from "../support/build-image.ts";
import { useSystem } from "../support/databases.ts";
import { ownLabels } from "../support/full-profile-container.ts";
import { failOnLeaks } from "../support/leaks.ts";
import { expectToConsumeThrough } from "../support/pooled-consumer.ts";

/* What consumer/transaction-pooling shows with a pooler of our own, here with the one that people have. */

const port = 6432;
const system = useSystem();
// Connections to the databases are the pooler's, which keeps them.
failOnLeaks();
let pooler: StartedTestContainer;

beforeAll(async () => {
  const image = await buildImage({
    name: "centralcloud-pgbouncer:test",
    context: new URL("pgbouncer/", import.meta.url),
    files: ["Dockerfile"],
    dockerfile: "Dockerfile",
  });
  const server = new URL(inject("serverUrl"));
  const settings = `
[databases]
* = host=server port=${server.port} user=${server.username} password=${server.password}
[pgbouncer]
listen_addr = 0.0.0.0
listen_port = ${port}
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 100
unix_socket_dir =
server_reset_query =
`;
  pooler = await new GenericContainer(image)
    .withLabels(ownLabels)
    .withExposedPorts(port)
    .withExtraHosts([{ host: "server", ipAddress: "host-gateway" }])
    .withCopyContentToContainer([{ content: settings, target: "/tmp/pgbouncer.ini", mode: 0o444 }])
    .withWaitStrategy(Wait.forLogMessage(/process up: PgBouncer/))
    .start();
}, 180_000);
afterAll(() => pooler?.stop());

function pooled(url: string): string {
  const changed = new URL(url);
  changed.host = `${pooler.getHost()}:${pooler.getMappedPort(port)}`;
  return changed.href;
}

test("PgBouncer gives each transaction whichever connection is free", async () => {
  const clients = Array.from(
    { length: 2 },
    () => new pg.Client({ connectionString: pooled(system.singularity.url) }),
  );
  const [first, second] = clients as [pg.Client, pg.Client];
  await Promise.all(clients.map((client) => client.connect()));
  const backend = async (client: pg.Client) =>
    (await client.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]?.pid;
  const before = await backend(first);
  await second.query("begin");
  expect(await backend(second)).toBe(before);
  expect(await backend(first)).not.toBe(before);
  await second.query("rollback");
  await Promise.all(clients.map((client) => client.end()));
});

test("the consumer merges everything behind PgBouncer in transaction mode", async () => {
  await expectToConsumeThrough(
    { sourceUrl: pooled(system.singularity.url), centralUrl: pooled(system.central.url) },
    system,
  );
});
