import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * What was measured, and all that the document computes from. Processor time is in microseconds a message,
 * everything else in bytes a message or as its name says.
 */
export interface Figures {
  readonly measuredAt: string;
  readonly machine: string;
  readonly pattern: MessageFigures & {
    /** Shares of the messages that made a row. */
    readonly newPatterns: number;
    readonly newAgents: number;
    readonly patternRowBytes: number;
    readonly agentRowBytes: number;
  };
  readonly session: MessageFigures & { readonly sessionRowBytes: number };
  /** Trying one seal, in a thread of a consumer. */
  readonly seal: { readonly openpgpUs: number; readonly sealedBoxUs: number };
  readonly idle: IdleFigures;
  readonly busy: { readonly sourceConnections: number; readonly centralConnections: number };
}

export interface MessageFigures {
  readonly messages: number;
  /** Of the message's JSON text. */
  readonly bytes: number;
  /** Sending: for patterns in batches of 100, for sessions by the trigger that seals. */
  readonly sendUs: number;
  readonly sendWalBytes: number;
  /** Reading and archiving. */
  readonly settleUs: number;
  readonly settleWalBytes: number;
  readonly nodeUs: number;
  readonly mergeUs: number;
  readonly mergeWalBytes: number;
  readonly archiveBytes: number;
  readonly ledgerBytes: number;
  /** Of the drain, everything on one machine. */
  readonly perSecond: number;
}

/** Of one consumer that is connected to several quiet sources; by source. */
export interface IdleFigures {
  readonly sources: number;
  readonly nodeMsPerSecond: number;
  readonly sourceMsPerSecond: number;
  readonly sourceConnections: number;
  /** Of the whole consumer. */
  readonly centralConnections: number;
}

/** The root of the checkout, from the sources as from what is built of them. */
function findRoot(folder: string): string {
  if (existsSync(join(folder, "pnpm-workspace.yaml"))) return folder;
  return findRoot(dirname(folder));
}

export const root = findRoot(import.meta.dirname);
export const figuresFile = join(root, "tools/capacity/figures.json");

export function readFigures(file: string = figuresFile): Figures {
  return JSON.parse(readFileSync(file, "utf8")) as Figures;
}

/** A burst into a real system, and what the simulation says of it. */
export interface Validation {
  readonly measuredAt: string;
  readonly steadyPerSecond: number;
  readonly burst: number;
  readonly rounds: readonly BurstComparison[];
}

export interface BurstComparison {
  /** Messages a second, seen while smaller bursts were worked off; the simulation takes the mean of both. */
  readonly capacityBefore: number;
  readonly capacityAfter: number;
  readonly measured: BurstSeen;
  readonly simulated: BurstSeen;
}

export interface BurstSeen {
  /** From the commit of the burst until nothing of it waited. */
  readonly clearedS: number;
  readonly mostLagS: number;
}

export const validationFile = join(root, "tools/capacity/validation.json");

export function readValidation(file: string = validationFile): Validation {
  return JSON.parse(readFileSync(file, "utf8")) as Validation;
}

/** What commands over many sources of one server take, one process after the other. */
export interface CommandsMeasured {
  readonly measuredAt: string;
  readonly machine: string;
  /** What the machine had to do besides, and all of this: its load average over five minutes at the end. */
  readonly load: number;
  readonly sources: number;
  readonly rounds: number;
  readonly commands: readonly CommandFigures[];
  readonly replicas: ReplicaFigures;
}

/** Of replicas that started together over all these sources, and then had nothing to do. */
export interface ReplicaFigures {
  readonly replicas: number;
  readonly sources: number;
  /** Of lanes and of databases, and connections for notifications that were lost: all replicas together. */
  readonly faults: number;
  readonly listenersLost: number;
  /** Of one replica. */
  readonly connectionsPerSource: number;
  readonly transactionsPerSecond: number;
  readonly scrapeMs: number;
  readonly slowestScrapeMs: number;
  readonly scrapeBytes: number;
}

/** In seconds: from the start of the process to its end, and processor time of the process and of the sources' server. */
export interface CommandFigures {
  readonly command: string;
  readonly medianS: number;
  readonly mostS: number;
  /** Of the time that connecting to each source took in the same round: the median of the rounds; absent until measured. */
  readonly ratio?: number;
  readonly nodeS: number;
  readonly serverS: number;
}

/** Among the commands the one that is none: a connection to each source, and nothing asked. No command can be faster. */
export const connecting = "connecting";

export const commandsFile = join(root, "tools/capacity/commands.json");

export function readCommands(file: string = commandsFile): CommandsMeasured {
  return JSON.parse(readFileSync(file, "utf8")) as CommandsMeasured;
}

/** Three digits are more than any figure is worth. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
