import { loadavg } from "node:os";
import { Client } from "pg";
import { startCentralcloud } from "../bench/process.ts";
import { describeServer } from "../bench/server.ts";
import type { Database } from "../bench/stage.ts";
import { type CommandFigures, type CommandsMeasured, connecting, rounded } from "./figures.ts";
import { costOf, type Laboratory, openLaboratory } from "./laboratory.ts";
import { measureReplicas, type ReplicaOptions } from "./measure-replicas.ts";

export interface CommandOptions extends ReplicaOptions {
  readonly fleet: number;
  readonly fleetRounds: number;
}

/** What an operator asks of all sources, and what a roll-out does first: nothing of it changes anything. */
const commands = [
  "queues",
  "jobs",
  "dlq list",
  "keys list",
  "cdc status",
  "doctor",
  "migrate --dry-run",
  "migrate",
] as const;

/**
 * Times each command over many sources on one server, as a process of its own. Processor time stands beside it, which
 * says the same on a machine that others use, too. Linux only.
 */
export async function measureCommands(
  options: CommandOptions,
  narrate: (line: string) => void,
): Promise<CommandsMeasured> {
  // Nothing of it waits for a disk.
  const lab = await openLaboratory(false);
  try {
    narrate(`making ${options.fleet} sources …`);
    const sources = await makeSources(lab, options.fleet);
    const central = await lab.central.stage.clone(await lab.central.stage.base("central"));
    const measured = await timeCommands(lab, { sources, central }, options, narrate);
    await lab.source.stage.drop(...sources);
    await lab.central.stage.drop(central);
    return measured;
  } finally {
    await lab.end();
  }
}

/** Over databases that are there already, as they are. */
async function timeCommands(
  lab: Laboratory,
  { sources, central }: { readonly sources: readonly Database[]; readonly central: Database },
  options: CommandOptions,
  narrate: (line: string) => void,
): Promise<CommandsMeasured> {
  const environment = {
    SOURCE_DATABASE_URLS: sources.map(({ url }) => url).join(" "),
    CENTRAL_DATABASE_URL: central.url,
    CONSUMER_HTTP_PORT: "0",
    LOG_LEVEL: "warn",
  };
  narrate("the first migration of each …");
  await run("migrate", environment);
  const rounds = new Map<string, Round[]>([connecting, ...commands].map((name) => [name, []]));
  for (let round = 1; round <= options.fleetRounds; round += 1) {
    narrate(`round ${round} …`);
    const alone = await costOf(lab, () => connectToEach(sources));
    rounds.get(connecting)?.push({ ...alone.result, serverS: alone.source.cpuMs / 1_000 });
    for (const command of commands) {
      const { result, source } = await costOf(lab, () => run(command, environment));
      rounds.get(command)?.push({ ...result, serverS: source.cpuMs / 1_000 });
    }
  }
  narrate("two replicas …");
  const replicas = await measureReplicas(
    sources.slice(0, options.replicaSources),
    central,
    environment,
    options,
  );
  const facts = await describeServer(lab.source.server, (sources[0] as Database).pool);
  const floor = rounds.get(connecting) ?? [];
  const results = [...rounds].map(([command, measured]) => figuresOf(command, measured, floor));
  return {
    measuredAt: new Date().toISOString().slice(0, 10),
    machine: `${facts.cores} cores, ${facts.processor.trim()}, ${facts.postgres.replace(/ on .*/, "")}, Node ${facts.node}`,
    load: rounded(loadavg()[1] ?? 0),
    sources: sources.length,
    rounds: options.fleetRounds,
    commands: results,
    replicas,
  };
}

/** Opens a connection to each source, asks it for 1 and closes it, as many at once as the command line does. */
async function connectToEach(sources: readonly Database[]): Promise<Omit<Round, "serverS">> {
  const queue = sources.map(({ url }) => url);
  const began = { at: performance.now(), cpu: process.cpuUsage() };
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let url = queue.shift(); url !== undefined; url = queue.shift()) {
        const client = new Client({ connectionString: url });
        await client.connect();
        await client.query("select 1");
        await client.end();
      }
    }),
  );
  const { user, system } = process.cpuUsage(began.cpu);
  return { wallS: (performance.now() - began.at) / 1_000, nodeS: (user + system) / 1e6 };
}

interface Round {
  readonly wallS: number;
  readonly nodeS: number;
  readonly serverS: number;
}

async function makeSources(lab: Laboratory, count: number): Promise<readonly Database[]> {
  const { stage } = lab.source;
  const template = await stage.template("fleet", await stage.base("source"), async ({ pool }) => {
    await pool.query("select 1");
  });
  const sources: Database[] = [];
  for (let number = 0; number < count; number += 1) {
    const source = await stage.copy(template);
    await source.pool.query(
      `update singularity_source set source_id = gen_random_uuid(), name = current_database();
       update centralcloud_migrations.objects set applied_at = clock_timestamp();
       do $$ begin execute format('grant create on database %I to centralcloud_owner', current_database()); end $$`,
    );
    sources.push(source);
  }
  return sources;
}

/** The doctor ends with 1 where it found an error, and a dry run where something would be done. */
async function run(
  command: string,
  environment: Readonly<Record<string, string>>,
): Promise<Omit<Round, "serverS">> {
  const { exitCode, wallMs, usage } = await startCentralcloud(command.split(" "), environment)
    .finished;
  const isFine = exitCode === 0 || (command === "doctor" && exitCode === 1);
  if (!isFine) throw new Error(`${command} ended with ${exitCode}`);
  return { wallS: wallMs / 1_000, nodeS: (usage?.cpuMs ?? Number.NaN) / 1_000 };
}

function figuresOf(
  command: string,
  rounds: readonly Round[],
  floor: readonly Round[],
): CommandFigures {
  const sorted = (pick: (round: Round) => number) =>
    rounds.map(pick).toSorted((one, other) => one - other);
  const median = (values: readonly number[]) =>
    rounded(values[Math.floor(values.length / 2)] ?? Number.NaN);
  const walls = sorted(({ wallS }) => wallS);
  const ratios = rounds.map(({ wallS }, index) => wallS / (floor[index]?.wallS ?? Number.NaN));
  return {
    command,
    medianS: median(walls),
    mostS: rounded(walls.at(-1) ?? Number.NaN),
    ratio: median(ratios.toSorted((one, other) => one - other)),
    nodeS: median(sorted(({ nodeS }) => nodeS)),
    serverS: median(sorted(({ serverS }) => serverS)),
  };
}
