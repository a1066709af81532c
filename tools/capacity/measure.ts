import { setTimeout as delay } from "node:timers/promises";
import {
  addSessionKey,
  createKeyRing,
  formatSessionKey,
  generateKey,
  type Sealed,
  type SessionIdentity,
  type SessionKey,
} from "@centralcloud/session-keys";
import { installMessages, queue } from "../bench/backlog.ts";
import { startCentralcloud } from "../bench/process.ts";
import { describeServer } from "../bench/server.ts";
import type { Database } from "../bench/stage.ts";
import { spreadOf } from "../bench/statistics.ts";
import { type Figures, type MessageFigures, rounded } from "./figures.ts";
import {
  connectionsOf,
  costOf,
  countRows,
  type Laboratory,
  openLaboratory,
  sizeOf,
} from "./laboratory.ts";
import { type IdleOptions, measureIdle } from "./measure-idle.ts";
import { measureSeals } from "./measure-seals.ts";

export interface MeasureOptions extends IdleOptions {
  readonly patterns: number;
  readonly sessions: number;
  readonly rounds: number;
  readonly seals: number;
}

/** Measures what a message costs each part of the system, on two servers of its own. Linux only. */
export async function measure(
  options: MeasureOptions,
  narrate: (line: string) => void,
): Promise<Figures> {
  const lab = await openLaboratory(options.durable);
  try {
    const key = await generateKey({ alg: "openpgp", keyId: "capacity" });
    narrate("what starting costs …");
    const startMs = await measureStart(lab, key);
    const rounds = { patterns: [] as Round[], sessions: [] as Round[] };
    for (let round = 0; round < options.rounds; round++) {
      narrate(`round ${round + 1}: ${options.patterns} patterns …`);
      rounds.patterns.push(await measurePatterns(lab, options.patterns, startMs));
      narrate(`round ${round + 1}: ${options.sessions} sessions …`);
      rounds.sessions.push(await measureSessions(lab, options.sessions, key, startMs));
    }
    narrate("quiet sources …");
    const idle = await measureIdle(lab, options);
    narrate("seals …");
    const seal = await measureSeals(options.seals, { key, ...(await sealedBySource(lab, key)) });
    const [pattern, session] = [medianOf(rounds.patterns), medianOf(rounds.sessions)];
    const { pool } = await lab.source.stage.scratch(await lab.source.stage.base("source"));
    const facts = await describeServer(lab.source.server, pool);
    return {
      measuredAt: new Date().toISOString().slice(0, 10),
      machine: `${facts.cores} cores, ${facts.processor.trim()}, ${facts.postgres.replace(/ on .*/, "")}, Node ${facts.node}`,
      pattern: pattern as unknown as Figures["pattern"],
      session: session as unknown as Figures["session"],
      seal,
      idle,
      busy: {
        sourceConnections: Math.max(...rounds.patterns.map((one) => one.sourceConnections)),
        centralConnections: Math.max(...rounds.patterns.map((one) => one.centralConnections)),
      },
    };
  } finally {
    await lab.end();
  }
}

type Round = MessageFigures & Readonly<Record<string, number>> & Connections;

interface Connections {
  readonly sourceConnections: number;
  readonly centralConnections: number;
}

function medianOf(rounds: readonly Round[]): Record<string, number> {
  const names = Object.keys(rounds[0] ?? {}).filter((name) => !name.endsWith("Connections"));
  const median = (name: string) => spreadOf(rounds.map((one) => one[name] ?? Number.NaN))?.median;
  return Object.fromEntries(names.map((name) => [name, rounded(median(name) ?? Number.NaN)]));
}

async function withDatabases<Result>(
  lab: Laboratory,
  work: (source: Database, central: Database) => Promise<Result>,
): Promise<Result> {
  const source = await lab.source.stage.clone(await lab.source.stage.base("source"));
  const central = await lab.central.stage.clone(await lab.central.stage.base("central"));
  try {
    return await work(source, central);
  } finally {
    await lab.source.stage.drop(source);
    await lab.central.stage.drop(central);
  }
}

/** Processor time of a process that finds nothing to do, to be taken off. */
function measureStart(lab: Laboratory, key: SessionKey): Promise<number> {
  return withDatabases(lab, async (source, central) => {
    const { finished } = startCentralcloud(["drain"], environmentOf(source, central, key));
    return (await finished).usage?.cpuMs ?? Number.NaN;
  });
}

function environmentOf(source: Database, central: Database, key: SessionKey) {
  return {
    SOURCE_DATABASE_URLS: source.url,
    CENTRAL_DATABASE_URL: central.url,
    SESSION_PRIVATE_KEYS: formatSessionKey(key),
    LOG_LEVEL: "warn",
  };
}

function measurePatterns(lab: Laboratory, messages: number, startMs: number): Promise<Round> {
  return withDatabases(lab, async (source, central) => {
    await installMessages(source);
    await source.pool.query(
      "create table bench.prepared as select i, bench.message(i, 420, '') as body from generate_series(1, $1) i",
      [messages],
    );
    await source.pool.query("alter table bench.prepared add primary key (i)");
    const sending = await costOf(lab, async () => {
      for (let first = 1; first <= messages; first += 100) {
        await source.pool.query(
          `select count(*) from pgmq.send_batch($1, (
             select array_agg(p.body order by p.i) from bench.prepared p where p.i between $2 and $2 + 99))`,
          [queue, first],
        );
      }
    });
    const drained = await measureDrain(lab, { source, central, messages, startMs, queue });
    const tables = ["patterns", "pattern_agents"] as const;
    const rows: number[] = [];
    const bytes: number[] = [];
    for (const table of tables) {
      rows.push(await countRows(central.pool, `central.${table}`));
      bytes.push((await sizeOf(central.pool, `central.${table}`)) / (rows.at(-1) ?? 1));
    }
    const [patternRowBytes = 0, agentRowBytes = 0] = bytes;
    return {
      ...drained,
      bytes: 420,
      sendUs: (sending.source.cpuMs * 1_000) / messages,
      sendWalBytes: sending.source.walBytes / messages,
      newPatterns: (rows[0] ?? 0) / messages,
      newAgents: (rows[1] ?? 0) / messages,
      patternRowBytes,
      agentRowBytes,
    };
  });
}

async function activate({ pool }: Database, key: SessionKey): Promise<void> {
  const [part] = (await createKeyRing([key])).keys;
  if (part === undefined) throw new Error("the key ring is empty");
  const { keyId, alg: algorithm, publicKey } = part;
  await addSessionKey(pool, { keyId, algorithm, publicKey }, { activate: true });
}

function sealedBySource(
  lab: Laboratory,
  key: SessionKey,
): Promise<{ sealed: Sealed; identity: SessionIdentity }> {
  return withDatabases(lab, async (source) => {
    await activate(source, key);
    const named = { agent: "a", session: "s", version: "2026-11-01T00:00:00.000000Z" };
    const { rows } = await source.pool.query<{ sealed: Sealed; source: string }>(
      `select (public.seal_session_states(array[$1], array[$2], array[$3::timestamptz], array[jsonb '{"step": 1}']))[1] as sealed,
              o.source_id::text as source
         from public.singularity_source o`,
      Object.values(named),
    );
    const [row] = rows;
    if (row === undefined) throw new Error("the source sealed nothing");
    return { sealed: row.sealed, identity: { source: row.source, ...named } };
  });
}

function measureSessions(
  lab: Laboratory,
  messages: number,
  key: SessionKey,
  startMs: number,
): Promise<Round> {
  return withDatabases(lab, async (source, central) => {
    await activate(source, key);
    await source.pool.query("insert into agents (agent_id) values ('agent-1')");
    const sending = await costOf(lab, () =>
      source.pool.query(
        `insert into agent_sessions (agent_id, state)
         select 'agent-1', jsonb_build_object('step', i, 'text', (
           select string_agg(md5(i || '/' || k), '') from generate_series(1, 8) k))
           from generate_series(1, $1) i`,
        [messages],
      ),
    );
    const sent = await source.pool.query<{ bytes: number }>(
      `select avg(length(q.message::text))::integer as bytes from pgmq."q_agent-sessions" q`,
    );
    const target = { source, central, messages, startMs, queue: "agent-sessions", key };
    const drained = await measureDrain(lab, target);
    return {
      ...drained,
      bytes: sent.rows[0]?.bytes ?? 0,
      sendUs: (sending.source.cpuMs * 1_000) / messages,
      sendWalBytes: sending.source.walBytes / messages,
      sessionRowBytes: (await sizeOf(central.pool, "central.agent_sessions")) / messages,
    };
  });
}

interface DrainTarget {
  readonly source: Database;
  readonly central: Database;
  readonly messages: number;
  readonly startMs: number;
  readonly queue: string;
  readonly key?: SessionKey;
}

async function measureDrain(lab: Laboratory, target: DrainTarget) {
  const { source, central, messages, startMs } = target;
  const key = target.key ?? (await generateKey({ alg: "openpgp", keyId: "capacity" }));
  // So that each run writes its full pages to the log once, as a server does after a checkpoint.
  await lab.source.server.pool.query("checkpoint");
  await lab.central.server.pool.query("checkpoint");
  const emptyBytes = await sizeOf(source.pool, `pgmq."a_${target.queue}"`);
  const connections = { sourceConnections: 0, centralConnections: 0 };
  const drain = await costOf(lab, async () => {
    const { finished } = startCentralcloud(["drain"], environmentOf(source, central, key));
    const watch = watchConnections(source, central, connections);
    const ended = await finished;
    await watch.end();
    if (ended.exitCode !== 0) throw new Error(`the drain ended with ${ended.exitCode}`);
    return ended;
  });
  const report = JSON.parse(drain.result.stdout.trim().split("\n").at(-1) ?? "") as {
    readonly processed: number;
    readonly elapsedMs: number;
  };
  if (report.processed !== messages) throw new Error(`${report.processed} of ${messages} merged`);
  const perMessageUs = (ms: number) => (ms * 1_000) / messages;
  return {
    messages,
    settleUs: perMessageUs(drain.source.cpuMs),
    settleWalBytes: drain.source.walBytes / messages,
    nodeUs: perMessageUs((drain.result.usage?.cpuMs ?? Number.NaN) - startMs),
    mergeUs: perMessageUs(drain.central.cpuMs),
    mergeWalBytes: drain.central.walBytes / messages,
    archiveBytes: ((await sizeOf(source.pool, `pgmq."a_${target.queue}"`)) - emptyBytes) / messages,
    ledgerBytes: (await sizeOf(central.pool, "central.processed_messages")) / messages,
    perSecond: messages / (report.elapsedMs / 1_000),
    ...connections,
  };
}

function watchConnections(
  source: Database,
  central: Database,
  most: { sourceConnections: number; centralConnections: number },
) {
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      most.sourceConnections = Math.max(most.sourceConnections, await connectionsOf(source));
      most.centralConnections = Math.max(most.centralConnections, await connectionsOf(central));
      await delay(100);
    }
  })();
  return {
    async end() {
      isOver = true;
      await watching;
    },
  };
}
