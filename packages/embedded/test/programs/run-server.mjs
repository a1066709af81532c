/**
 * Starts a server with the options given as JSON, says so in one line of JSON, and continues until it
 * is killed. On SIGINT it does what a service does: a last piece of work, then, on SIGUSR2, an orderly stop.
 */
import { once } from "node:events";
import { startEmbeddedPostgres } from "@centralcloud/embedded";
import pg from "pg";

const options = JSON.parse(process.argv[2] ?? "{}");
const server = await startEmbeddedPostgres(options);
const client = new pg.Client({ connectionString: server.urlOf("postgres") });
client.on("error", () => {});
await client.connect();
const { rows } = await client.query("select current_setting('data_directory') as cluster");

process.once("SIGINT", async () => {
  // Sixty round trips over some time: a server that got the signal too would not last so long.
  for (let round = 0; round < 60; round++) await client.query("select pg_sleep(0.005)");
  const told = once(process, "SIGUSR2");
  say({ event: "drained" });
  await told;
  await stop();
  say({ event: "stopped" });
});
say({ event: "started", cluster: rows[0].cluster, port: server.port, ...server.processIds });
// The running server keeps the process alive; once it is stopped, nothing must.
if (options.stopAtOnce) await stop();

async function stop() {
  await client.end();
  await server.stop();
}

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
