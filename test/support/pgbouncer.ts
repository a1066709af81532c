import { GenericContainer, type StartedTestContainer, Wait } from "testcontainers";
import { inject } from "vitest";
import { buildImage } from "./build-image.ts";
import { ownLabels } from "./full-profile-container.ts";

const port = 6432;

export interface PgBouncer {
  /** The same database, through the pooler. */
  through(url: string): string;
  stop(): Promise<void>;
}

/**
 * PgBouncer as Debian has it, in transaction mode, before the server of the full profile.
 *
 * @param connections to each database.
 * @param settings lines of its configuration, beside those that all have.
 */
export async function startPgBouncer(
  connections: number,
  settings: readonly string[] = [],
): Promise<PgBouncer> {
  const image = await buildImage({
    name: "centralcloud-pgbouncer:test",
    context: new URL("../containers/pgbouncer/", import.meta.url),
    files: ["Dockerfile"],
    dockerfile: "Dockerfile",
  });
  const server = new URL(inject("serverUrl"));
  const content = `
[databases]
* = host=server port=${server.port} user=${server.username} password=${server.password}
[pgbouncer]
listen_addr = 0.0.0.0
listen_port = ${port}
auth_type = any
pool_mode = transaction
default_pool_size = ${connections}
max_client_conn = 100
unix_socket_dir =
server_reset_query =
${settings.join("\n")}
`;
  const container: StartedTestContainer = await new GenericContainer(image)
    .withLabels(ownLabels)
    .withExposedPorts(port)
    .withExtraHosts([{ host: "server", ipAddress: "host-gateway" }])
    .withCopyContentToContainer([{ content, target: "/tmp/pgbouncer.ini", mode: 0o444 }])
    .withWaitStrategy(Wait.forLogMessage(/process up: PgBouncer/))
    .start();
  return {
    through(url) {
      const changed = new URL(url);
      changed.host = `${container.getHost()}:${container.getMappedPort(port)}`;
      return changed.href;
    },
    async stop() {
      await container.stop();
    },
  };
}
