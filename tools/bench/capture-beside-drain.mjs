/*
 * How much a capture of 50,000 changes a minute slows down the draining of a queue beside it:
 *   node tools/bench/capture-beside-drain.mjs [messages] [pairs of runs]
 * Each database has a server of its own, as where they are deployed; both, the consumer, the writer and the capture
 * share this machine. Each pair drains the same queue with the same writer at work, once without and once with a
 * capture, in turns. Writer and capture begin ten seconds earlier: what continues all day is warm.
 * CAPTURE_BENCH_SERVERS=1 puts both databases on one server, whose log the capture then reads all of.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { migrate } from "@centralcloud/db";
import { startEmbeddedPostgres } from "@centralcloud/embedded";
import pg from "pg";

const messages = Number(process.argv[2] ?? 200_000);
const pairs = Number(process.argv[3] ?? 3);
const changesPerSecond = 50_000 / 60;
const ticksPerSecond = 10;
const warmUpMs = 10_000;
const program = fileURLToPath(new URL("../../apps/cli/bin/centralcloud.mjs", import.meta.url));

const servers = [await startServer()];
if (process.env.CAPTURE_BENCH_SERVERS !== "1") servers.push(await startServer());
const environment = {
  PATH: process.env.PATH,
  SOURCE_DATABASE_URLS: servers[0].urlOf("singularity"),
  CENTRAL_DATABASE_URL: servers.at(-1).urlOf("centralcloud"),
};
const source = new pg.Pool({ connectionString: environment.SOURCE_DATABASE_URLS, max: 2 });
const central = new pg.Pool({ connectionString: environment.CENTRAL_DATABASE_URL, max: 2 });

try {
  await migrate("source", environment.SOURCE_DATABASE_URLS, () => {});
  await migrate("central", environment.CENTRAL_DATABASE_URL, () => {});
  await source.query(
    "insert into agents (agent_id) select 'agent-' || g from generate_series(1, 1000) g",
  );
  const ratios = [];
  await run("warming up", false);
  for (let pair = 1; pair <= pairs; pair += 1) {
    // In turns, so that what drifts does so for both.
    const order = pair % 2 === 1 ? [false, true] : [true, false];
    const rates = {};
    for (const captures of order) rates[captures] = await run(`pair ${pair}`, captures);
    ratios.push(rates.true / rates.false);
  }
  ratios.sort((one, other) => one - other);
  const percent = (ratio) => `${Math.round(ratio * 100)} %`;
  console.log(
    `with a capture the drain is at ${percent(median(ratios))} ` +
      `(${ratios.map(percent).join(", ")})`,
  );
} finally {
  await source.end();
  await central.end();
  await Promise.all(servers.map((server) => server.stop()));
}

function startServer() {
  return startEmbeddedPostgres({ settings: { max_wal_size: "8GB" } });
}

function median(sorted) {
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}

async function run(label, captures) {
  await fill();
  const capture = captures ? start("cdc", "run") : undefined;
  if (capture) await outputOf(capture, "capture-reading");
  const writer = write();
  await delay(warmUpMs);
  const drain = start("drain");
  let report = "";
  drain.stdout.on("data", (text) => {
    report += text;
  });
  await once(drain, "close");
  const written = await writer.stop();
  const { perSecond, elapsedMs } = JSON.parse(report);
  let suffix = "";
  if (capture) {
    const { rows } = await central.query(
      "select extract(epoch from now() - source_time)::float8 as behind from central.capture_cursors",
    );
    suffix = `, the change log ${rows[0].behind.toFixed(1)} s behind at the end`;
    capture.kill("SIGTERM");
    await once(capture, "close");
    await source.query("select pg_drop_replication_slot(slot_name) from pg_replication_slots");
    await central.query("delete from central.capture_cursors");
  }
  const rate = Math.round((written.changes / written.seconds) * 60);
  console.log(
    `${label} ${captures ? "with" : "without"} a capture: ${perSecond} messages/s for ${(elapsedMs / 1000).toFixed(1)} s` +
      ` beside ${rate} changes a minute${suffix}`,
  );
  return perSecond;
}

async function fill() {
  await source.query(
    `select pgmq.send_batch('centralcloud-new-patterns', array_agg(jsonb_build_object(
              'agent_id', 'agent-' || g % 100, 'confidence', 0.9, 'learned_at', now(),
              'pattern', jsonb_build_object('n', g % 5000, 'filling', repeat('x', 300)))))
       from generate_series(1, $1::integer) g group by g / 10000`,
    [messages],
  );
  await source.query("vacuum analyze");
  await source.query("checkpoint");
}

/** Updates of captured rows, ten times a second. */
function write() {
  let isStopped = false;
  let changes = 0;
  const startedAt = performance.now();
  const work = (async () => {
    while (!isStopped) {
      const due = Math.floor(((performance.now() - startedAt) / 1000) * changesPerSecond) - changes;
      if (due > 0) {
        const { rowCount } = await source.query(
          "update agents set pattern_count = pattern_count + 1 where agent_id in (select agent_id from agents order by pattern_count limit $1)",
          [Math.min(due, 1000)],
        );
        changes += rowCount;
      }
      await delay(1000 / ticksPerSecond);
    }
  })();
  return {
    async stop() {
      isStopped = true;
      await work;
      return { changes, seconds: (performance.now() - startedAt) / 1000 };
    },
  };
}

function start(...words) {
  return spawn(process.execPath, [program, ...words], {
    env: environment,
    cwd: "/",
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function outputOf(child, text) {
  let output = "";
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    output += chunk;
    if (output.includes(text)) break;
  }
  child.stdout.resume();
}
