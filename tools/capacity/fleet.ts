import type { Figures, MessageFigures } from "./figures.ts";

/** What nobody measured: how a fleet is used, and what one dares to ask of a machine. */
export interface Assumptions {
  readonly agentsPerSource: number;
  /** Messages of one agent in an hour. */
  readonly patternsPerAgentHour: number;
  readonly sessionsPerAgentHour: number;
  readonly newSessionsPerAgentDay: number;
  /** The busiest hour against the mean of the day. */
  readonly peakFactor: number;
  /** Shares of pattern messages that make a new row. */
  readonly newPatterns: number;
  readonly newAgents: number;
  /** How busy a processor may be in the busiest hour. */
  readonly utilisation: number;
  /** What a database makes of many cores, against as many times one. */
  readonly centralEfficiency: number;
  readonly archiveDays: number;
  readonly ledgerHours: number;
  /** Cores of the machine that a replica has: one thread for everything, and for seals one less than cores, up to four. */
  readonly replicaCores: number;
  /** Replicas that read one source; two, so that one may go. */
  readonly replicasPerSource: number;
  /** What a central server can bear. */
  readonly centralConnections: number;
  readonly centralWalMbPerSecond: number;
  /** The part of a merge in which rows of `central.patterns` are locked, by docs/performance.md, and a commit's flush. */
  readonly lockedUs: number;
  readonly flushMs: number;
}

export const usual: Assumptions = {
  agentsPerSource: 50,
  patternsPerAgentHour: 60,
  sessionsPerAgentHour: 60,
  newSessionsPerAgentDay: 10,
  peakFactor: 4,
  newPatterns: 0.1,
  newAgents: 0.3,
  utilisation: 0.6,
  centralEfficiency: 0.7,
  archiveDays: 90,
  ledgerHours: 24,
  replicaCores: 4,
  replicasPerSource: 2,
  centralConnections: 500,
  centralWalMbPerSecond: 100,
  lockedUs: 9,
  flushMs: 1,
};

/** Connections that a replica opens at most, by its source: apps/consumer/src/{source,consumer}.ts with default settings. */
export const mostConnections = { toSource: 9 + 1, toCentral: 16 + 1 } as const;

const batchSize = 500;
const secondsADay = 86_400;

export interface Fleet {
  readonly sources: number;
  readonly meanPerSecond: number;
  readonly peakPerSecond: number;
  /** Cores that each part has busy in the busiest hour. */
  readonly cores: {
    readonly eachSource: number;
    readonly nodeOpenPgp: number;
    readonly nodeSealedBox: number;
    readonly central: number;
  };
  /** How many cores to buy for the central database. */
  readonly centralCores: number;
  readonly replicasOpenPgp: number;
  readonly replicasSealedBox: number;
  readonly connections: {
    /** At most, where every replica reads every source. */
    readonly eachSourceShared: number;
    /** At most, where each source has its own few replicas. */
    readonly eachSourceOwned: number;
    /** At most, with the replicas that OpenPGP needs. */
    readonly central: number;
    /** Of one replica that is connected to all sources, quiet. */
    readonly oneReplicaIdle: number;
  };
  /** Cores that one replica has busy with nothing to do, connected to all sources. */
  readonly idleCores: number;
  readonly centralWalMbPerSecond: number;
  readonly centralWalGbPerDay: number;
  readonly ledgerRows: number;
  readonly disk: {
    /** Archives of one source, in bytes, when they are full. */
    readonly eachSourceArchive: number;
    readonly ledger: number;
    /** What the central store grows by in a day, in bytes. */
    readonly growthPerDay: number;
  };
}

/** The arithmetic of the document: nothing in it is measured but the figures. */
export function planFleet(figures: Figures, given: Assumptions, sources: number): Fleet {
  const patternsPerSecond = (given.agentsPerSource * given.patternsPerAgentHour) / 3_600;
  const sessionsPerSecond = (given.agentsPerSource * given.sessionsPerAgentHour) / 3_600;
  const { pattern, session } = figures;
  /** A figure of the mean day of one source, a second. */
  const ofSource = (pick: (message: MessageFigures) => number) =>
    patternsPerSecond * pick(pattern) + sessionsPerSecond * pick(session);
  const peak = (perSecond: number) => perSecond * given.peakFactor;
  const meanPerSecond = sources * ofSource(() => 1);
  // Beside its seal, which a thread tries, a session is taken to cost a consumer what a pattern does.
  const main = pattern.nodeUs;
  const nodeCores = (sealUs: number) =>
    peak(sources * (patternsPerSecond * main + sessionsPerSecond * (main + sealUs))) / 1e6;
  const central = peak(sources * ofSource((message) => message.mergeUs)) / 1e6;
  const replicas = (sealUs: number) => {
    const mainCores = peak(meanPerSecond) * main;
    const sealCores = peak(sources * sessionsPerSecond) * sealUs;
    const threads = Math.max(1, Math.min(4, given.replicaCores - 1));
    const needed = Math.max(mainCores, sealCores / threads) / 1e6 / given.utilisation;
    return Math.max(given.replicasPerSource, Math.ceil(needed));
  };
  const replicasOpenPgp = replicas(figures.seal.openpgpUs);
  return {
    sources,
    meanPerSecond,
    peakPerSecond: peak(meanPerSecond),
    cores: {
      eachSource: peak(ofSource((message) => message.sendUs + message.settleUs)) / 1e6,
      nodeOpenPgp: nodeCores(figures.seal.openpgpUs),
      nodeSealedBox: nodeCores(figures.seal.sealedBoxUs),
      central,
    },
    centralCores: Math.max(1, Math.ceil(central / given.centralEfficiency / given.utilisation)),
    replicasOpenPgp,
    replicasSealedBox: replicas(figures.seal.sealedBoxUs),
    connections: {
      eachSourceShared: replicasOpenPgp * mostConnections.toSource,
      eachSourceOwned: given.replicasPerSource * mostConnections.toSource,
      central: replicasOpenPgp * mostConnections.toCentral,
      oneReplicaIdle: sources * figures.idle.sourceConnections + figures.idle.centralConnections,
    },
    idleCores: (sources * figures.idle.nodeMsPerSecond) / 1_000,
    centralWalMbPerSecond: peak(sources * ofSource((message) => message.mergeWalBytes)) / 1e6,
    centralWalGbPerDay:
      (sources * ofSource((message) => message.mergeWalBytes) * secondsADay) / 1e9,
    ledgerRows: meanPerSecond * given.ledgerHours * 3_600,
    disk: {
      eachSourceArchive:
        ofSource((message) => message.archiveBytes) * secondsADay * given.archiveDays,
      ledger: sources * ofSource((message) => message.ledgerBytes) * given.ledgerHours * 3_600,
      growthPerDay:
        sources *
        (patternsPerSecond *
          secondsADay *
          (given.newPatterns * pattern.patternRowBytes + given.newAgents * pattern.agentRowBytes) +
          given.agentsPerSource * given.newSessionsPerAgentDay * session.sessionRowBytes),
    },
  };
}

export interface CentralLimits {
  readonly cores: number;
  /** Messages a second, by which the database ends. */
  readonly byProcessor: number;
  readonly byLog: number;
  readonly byHotPattern: number;
  /** Sources in their busiest hour, by the lowest of the three. */
  readonly sources: number;
}

/** Where one central database ends, for a number of cores. */
export function limitsOf(figures: Figures, given: Assumptions, cores: number): CentralLimits {
  const one = planFleet(figures, given, 1);
  const share =
    given.patternsPerAgentHour / (given.patternsPerAgentHour + given.sessionsPerAgentHour);
  const coresPerMessage = one.cores.central / one.peakPerSecond;
  const byProcessor = (cores * given.centralEfficiency * given.utilisation) / coresPerMessage;
  const walPerMessage = one.centralWalMbPerSecond / one.peakPerSecond;
  const byLog = given.centralWalMbPerSecond / walPerMessage;
  // Batches that share one hot pattern lock it one after the other, until their commit.
  const patternsPerSecond = batchSize / ((batchSize * given.lockedUs) / 1e6 + given.flushMs / 1e3);
  const byHotPattern = share === 0 ? Number.POSITIVE_INFINITY : patternsPerSecond / share;
  const lowest = Math.min(byProcessor, byLog, byHotPattern);
  return {
    cores,
    byProcessor,
    byLog,
    byHotPattern,
    sources: Math.floor(lowest / one.peakPerSecond),
  };
}
