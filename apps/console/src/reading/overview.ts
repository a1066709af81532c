import {
  type ActionSummary,
  listActions,
  listReplicas,
  type ReplicaReport,
  readArchiveChecks,
} from "@centralcloud/central";
import { queueNames } from "@centralcloud/contracts";
import { type DeadLetterGroups, groupDeadLetters } from "@centralcloud/dead-letters";
import { type OpenSource, type QueueReport, reportQueues } from "@centralcloud/inspect";
import { checkJobHealth, type JobProblem } from "@centralcloud/scheduler";
import type { Snapshot, Snapshots } from "./snapshots.ts";

/** What a source says of itself on the screens that everybody looks at. */
export interface SourceOverview {
  readonly queues: readonly QueueReport[];
  /** Its dead letters by what they failed with. */
  readonly groups: DeadLetterGroups;
  readonly jobs: readonly JobProblem[];
}

/** What the central store says. */
export interface CentralOverview {
  readonly replicas: readonly ReplicaReport[];
  /** Those that are not done. */
  readonly actions: readonly ActionSummary[];
  /** Messages that a source archived, and that are not in the store. */
  readonly missing: readonly {
    readonly source: string;
    readonly queue: string;
    readonly count: number;
  }[];
}

/** How old a look may be, in milliseconds. */
const everyMs = 4_000;

const noGroups: DeadLetterGroups = { groups: [], others: 0, isBound: false };

/** Groups of a source that are read at most. */
const mostGroups = 50;

/** One look at each source, for all screens that show them. */
export function lookAtSources(snapshots: Snapshots): Promise<readonly Snapshot<SourceOverview>[]> {
  return snapshots.ofSources("overview", everyMs, readOverview);
}

async function readOverview(source: OpenSource): Promise<SourceOverview> {
  const queues = await reportQueues(source);
  const jobs = await checkJobHealth(source.pool);
  if (queues.every(({ deadLetters }) => deadLetters === 0))
    return { queues, jobs, groups: noGroups };
  const scope = { sources: [source], queues: queueNames };
  return { queues, jobs, groups: await groupDeadLetters(scope, {}, { limit: mostGroups }) };
}

export function lookAtCentral(snapshots: Snapshots): Promise<Snapshot<CentralOverview>> {
  return snapshots.ofCentral("overview", everyMs, async (central) => ({
    replicas: await listReplicas(central),
    actions: await listActions(central, {
      states: ["planned", "running", "paused", "failed"],
      limit: 20,
    }),
    missing: (await readArchiveChecks(central)).flatMap(({ source, queue, missing }) =>
      missing === undefined ? [] : [{ source, queue, count: missing.count }],
    ),
  }));
}
