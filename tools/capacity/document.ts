import { join } from "node:path";
import {
  type BurstComparison,
  type CommandsMeasured,
  connecting,
  type Figures,
  root,
  type Validation,
} from "./figures.ts";
import { limitsOf, mostConnections, planFleet, usual } from "./fleet.ts";
import { drawLags } from "./lag-plot.ts";
import { cell, formatBytes, formatNumber, formatSeconds, table } from "./markdown.ts";
import { headrooms, ownBursts, playScenarios, playTogether } from "./scenarios.ts";

export const documentFile = join(root, "docs/capacity.md");
export const plotFile = join(root, "docs/capacity-lag.svg");

const fleetSizes = [1, 10, 100, 1_000] as const;
const coreCounts = [4, 8, 16, 32] as const;
/** Sources that the simulation is of. */
const simulated = 1_000;

/** Puts the computed blocks into the page: what stands between `<!-- computed: NAME -->` and `<!-- end -->`. */
export function renderDocument(
  page: string,
  figures: Figures,
  validation: Validation,
  commands: CommandsMeasured,
): string {
  const blocks: Readonly<Record<string, () => string>> = {
    measured: () => renderMeasured(figures),
    assumed: renderAssumed,
    fleet: () => renderFleet(figures),
    limits: () => renderLimits(figures),
    lags: () => renderLags(figures),
    validation: () => renderValidation(validation),
    commands: () => renderCommands(commands),
  };
  const used = new Set<string>();
  const rendered = page.replaceAll(
    /(<!-- computed: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, begin: string, name: string, end: string) => {
      const block = blocks[name];
      if (block === undefined) throw new Error(`nothing computes "${name}"`);
      used.add(name);
      return `${begin}\n${block()}\n\n${end}`;
    },
  );
  const missing = Object.keys(blocks).filter((name) => !used.has(name));
  if (missing.length > 0)
    throw new Error(`docs/capacity.md has no place for ${missing.join(", ")}`);
  return rendered;
}

export function renderPlot(figures: Figures): string {
  return drawLags(playTogether(simulated, peakOfOne(figures)));
}

function peakOfOne(figures: Figures): number {
  return planFleet(figures, usual, 1).peakPerSecond;
}

function renderMeasured(figures: Figures): string {
  const { pattern, session, seal, idle, busy } = figures;
  const row = (
    what: string,
    pick: (message: Figures["session"] | Figures["pattern"]) => string,
  ) => [what, pick(pattern), pick(session)];
  const us = (value: number) => `${formatNumber(value)} µs`;
  return [
    `${figures.machine}, ${figures.measuredAt}; the median of three rounds of ${formatNumber(pattern.messages)} patterns and ${formatNumber(session.messages)} sessions.`,
    table(
      ["a message costs", "pattern", "session (OpenPGP)"],
      [
        row("its JSON text", ({ bytes }) => formatBytes(bytes)),
        row("processor, source: sending (sealing)", ({ sendUs }) => us(sendUs)),
        row("processor, source: reading, archiving", ({ settleUs }) => us(settleUs)),
        row("processor, consumer (Node)", ({ nodeUs }) => us(nodeUs)),
        row("processor, central: merging", ({ mergeUs }) => us(mergeUs)),
        row("log (WAL), source", ({ sendWalBytes, settleWalBytes }) =>
          formatBytes(sendWalBytes + settleWalBytes),
        ),
        row("log (WAL), central", ({ mergeWalBytes }) => formatBytes(mergeWalBytes)),
        row("disk, archive", ({ archiveBytes }) => formatBytes(archiveBytes)),
        row("disk, ledger", ({ ledgerBytes }) => formatBytes(ledgerBytes)),
        row("drained in a second, all on this machine", ({ perSecond }) => formatNumber(perSecond)),
      ],
    ),
    table(
      ["besides", ""],
      [
        [
          "a row of `patterns`, `pattern_agents`",
          [pattern.patternRowBytes, pattern.agentRowBytes].map(formatBytes).join(", "),
        ],
        ["a row of `agent_sessions`", formatBytes(session.sessionRowBytes)],
        [
          "share of the patterns that made a row of `patterns`, of `pattern_agents`",
          `${percent(pattern.newPatterns)}, ${percent(pattern.newAgents)}`,
        ],
        [
          "trying a seal: OpenPGP (RSA), sealed box (pgsodium)",
          `${us(seal.openpgpUs)}, ${us(seal.sealedBoxUs)}`,
        ],
        [
          "a quiet source costs a consumer, and its server, in a second",
          `${formatNumber(idle.nodeMsPerSecond)} ms, ${formatNumber(idle.sourceMsPerSecond)} ms`,
        ],
        [
          `connections of one consumer: to each of ${idle.sources} quiet sources, to the central store`,
          `${formatNumber(idle.sourceConnections)}, ${formatNumber(idle.centralConnections)}`,
        ],
        [
          "the same while it drains one source",
          `${busy.sourceConnections}, ${busy.centralConnections}`,
        ],
      ],
    ),
  ].join("\n\n");
}

function percent(share: number): string {
  return `${formatNumber(100 * share)} %`;
}

function renderAssumed(): string {
  const rows: [string, string][] = [
    ["agents of a source", formatNumber(usual.agentsPerSource)],
    [
      "patterns, sessions of an agent in an hour",
      `${usual.patternsPerAgentHour}, ${usual.sessionsPerAgentHour}`,
    ],
    ["new sessions of an agent in a day", formatNumber(usual.newSessionsPerAgentDay)],
    ["the busiest hour against the mean", `${usual.peakFactor} ×`],
    [
      "patterns never seen before; by that agent",
      `${percent(usual.newPatterns)}; ${percent(usual.newAgents)}`,
    ],
    ["how busy processors may be in that hour", percent(usual.utilisation)],
    [
      "what a database makes of many cores",
      `${percent(usual.centralEfficiency)} of as many times one`,
    ],
    [
      "cores of a replica; replicas that read one source",
      `${usual.replicaCores}; ${usual.replicasPerSource}`,
    ],
    ["archives; ledger", `${usual.archiveDays} days; ${usual.ledgerHours} hours`],
    [
      "connections that a central server bears",
      `${usual.centralConnections}: ${Math.floor(usual.centralConnections / mostConnections.toCentral)} replicas`,
    ],
    ["log that a central server bears", `${usual.centralWalMbPerSecond} MB/s`],
    [
      "a merge holds the rows of `patterns`; a commit's flush",
      `${usual.lockedUs} µs a message; ${usual.flushMs} ms`,
    ],
  ];
  return table(["assumed", ""], rows);
}

function renderFleet(figures: Figures): string {
  const fleets = fleetSizes.map((sources) => planFleet(figures, usual, sources));
  const row = (what: string, pick: (fleet: (typeof fleets)[number]) => number | string) => [
    what,
    ...fleets.map((fleet) => cell(pick(fleet))),
  ];
  return table(
    ["sources", ...fleetSizes.map((count) => formatNumber(count))],
    [
      row("messages a second, mean", ({ meanPerSecond }) => meanPerSecond),
      row("in the busiest hour", ({ peakPerSecond }) => peakPerSecond),
      row("cores busy then: each source", ({ cores }) => cores.eachSource),
      row("… all consumers, OpenPGP", ({ cores }) => cores.nodeOpenPgp),
      row("… all consumers, sealed boxes", ({ cores }) => cores.nodeSealedBox),
      row("… central database", ({ cores }) => cores.central),
      row("cores to give the central database", ({ centralCores }) => centralCores),
      row("replicas, OpenPGP", ({ replicasOpenPgp }) => replicasOpenPgp),
      row("replicas, sealed boxes", ({ replicasSealedBox }) => replicasSealedBox),
      row(
        "connections to each source at most, all replicas read all",
        ({ connections }) => connections.eachSourceShared,
      ),
      row(
        "… each source has its own two replicas",
        ({ connections }) => connections.eachSourceOwned,
      ),
      row("connections to the central database at most", ({ connections }) => connections.central),
      row(
        "connections of one quiet replica to all sources",
        ({ connections }) => connections.oneReplicaIdle,
      ),
      row("cores of one quiet replica to all sources", ({ idleCores }) => idleCores),
      row(
        "central log, MB/s in the busiest hour",
        ({ centralWalMbPerSecond }) => centralWalMbPerSecond,
      ),
      row("central log, GB a day", ({ centralWalGbPerDay }) => centralWalGbPerDay),
      row("rows of the ledger, in millions", ({ ledgerRows }) => ledgerRows / 1e6),
      row("ledger on disk", ({ disk }) => formatBytes(disk.ledger)),
      row("central store grows in a day by", ({ disk }) => formatBytes(disk.growthPerDay)),
      row("archives of each source, full", ({ disk }) => formatBytes(disk.eachSourceArchive)),
    ],
  );
}

function renderLimits(figures: Figures): string {
  const loads = [
    ["the fleet above", usual],
    ["agents ten times as many", { ...usual, agentsPerSource: 10 * usual.agentsPerSource }],
  ] as const;
  const rows = coreCounts.map((cores) => {
    const limits = loads.map(([, load]) => limitsOf(figures, load, cores));
    const [first] = limits;
    if (first === undefined) throw new Error("no load");
    return [
      formatNumber(cores),
      formatNumber(first.byProcessor),
      formatNumber(first.byLog),
      formatNumber(first.byHotPattern),
      ...limits.map(({ sources }) => formatNumber(sources)),
    ];
  });
  return table(
    [
      "central cores",
      "messages/s by processor",
      "by log",
      "by a hot pattern",
      ...loads.map(([name]) => `sources: ${name}`),
    ],
    rows,
  );
}

function renderLags(figures: Figures): string {
  const scenarios = playScenarios(simulated, peakOfOne(figures));
  return table(
    ["what happens", ...headrooms.map((headroom) => `capacity ${headroom} × the load`)],
    scenarios.map(({ name, lags }) => [
      name,
      ...lags.map(({ lag: { mostS, p99S, clearedS } }) => {
        if (name === ownBursts)
          return `${formatSeconds(mostS)}; 99 of 100 ≤ ${formatSeconds(p99S)}`;
        const cleared = clearedS === undefined ? "never" : `after ${formatSeconds(clearedS)}`;
        return `${formatSeconds(mostS)}; empty ${cleared}`;
      }),
    ]),
  );
}

function renderValidation({ measuredAt, steadyPerSecond, burst, rounds }: Validation): string {
  const error = ({ measured, simulated: said }: BurstComparison) => {
    const share = said.clearedS / measured.clearedS - 1;
    return `${share >= 0 ? "+" : "−"}${formatNumber(Math.round(Math.abs(share) * 100))} %`;
  };
  return [
    `On ${measuredAt}, ${formatNumber(burst)} messages at once on top of ${formatNumber(steadyPerSecond)} a second, into one consumer; its capacity was taken from two smaller bursts, one before and one after. How far these two are apart says how quiet the machine was.`,
    table(
      [
        "capacity before, after",
        "burst gone after",
        "simulated",
        "error",
        "largest lag",
        "simulated",
      ],
      rounds.map((round) => [
        `${formatNumber(round.capacityBefore)}/s, ${formatNumber(round.capacityAfter)}/s`,
        `${round.measured.clearedS.toFixed(1)} s`,
        `${round.simulated.clearedS} s`,
        error(round),
        `${round.measured.mostLagS} s`,
        `${round.simulated.mostLagS} s`,
      ]),
    ),
  ].join("\n\n");
}

function renderCommands(measured: CommandsMeasured): string {
  const { machine, measuredAt, sources, rounds, load, replicas } = measured;
  return [
    `${machine}, ${measuredAt}; ${formatNumber(sources)} sources on one server, ${formatNumber(rounds)} rounds, load of the machine ${formatNumber(load)}.`,
    table(
      [
        "command",
        "of connecting",
        "median",
        "most",
        "processor: the command",
        "its sources' server",
      ],
      measured.commands.map(({ command, ratio, medianS, mostS, nodeS, serverS }) => [
        command === connecting ? "connecting to each, `select 1`" : `\`${command}\``,
        ratio === undefined ? "not measured" : `${formatNumber(ratio)} ×`,
        ...[medianS, mostS, nodeS, serverS].map((seconds) => `${seconds.toFixed(1)} s`),
      ]),
    ),
    table(
      [
        `${replicas.replicas} replicas that start together over ${replicas.sources} of the sources`,
        "",
      ],
      [
        [
          "faults; connections for notifications lost",
          `${replicas.faults}; ${replicas.listenersLost}`,
        ],
        [
          "then, of one replica at one quiet source: connections; transactions a second",
          `${formatNumber(replicas.connectionsPerSource)}; ${formatNumber(replicas.transactionsPerSecond)}`,
        ],
        [
          "`/metrics`: median; slowest of ten; size",
          `${replicas.scrapeMs} ms; ${replicas.slowestScrapeMs} ms; ${formatBytes(replicas.scrapeBytes)}`,
        ],
      ],
    ),
  ].join("\n\n");
}
