import type { Pool } from "pg";

/*
 * The procedures of a Singularity database, typed. Each runs in its own transaction on the given
 * pool and rejects with pg's error where the database refuses.
 */

/** What a call of `learn_patterns_from_analysis` did; `queued` is less than `learned` when a queue is missing. */
export interface Learned {
  readonly patternsLearned: number;
  readonly patternsQueued: number;
}

/** @param limit at most so many analysis results, from 1; default 1000. */
export async function learnPatternsNow(singularity: Pool, limit = 1000): Promise<Learned> {
  return await only<Learned>(
    singularity,
    `select l.patterns_learned as "patternsLearned", l.patterns_queued as "patternsQueued"
       from public.learn_patterns_from_analysis(p_limit => $1) l`,
    [limit],
  );
}

/** Agents that learned in the last 24 hours, and their patterns in that time. */
export interface KnowledgeUpdate {
  readonly agentsUpdated: number;
  readonly totalPatterns: number;
}

export async function updateKnowledgeNow(singularity: Pool): Promise<KnowledgeUpdate> {
  return await only<KnowledgeUpdate>(
    singularity,
    `select k.agents_updated as "agentsUpdated", k.total_patterns as "totalPatterns"
       from public.update_agent_knowledge() k`,
  );
}

export interface SyncBatch {
  /** A ULID; null where nothing was to be queued. */
  readonly batchId: string | null;
  readonly patternCount: number;
}

export async function syncLearningNow(singularity: Pool): Promise<SyncBatch> {
  return await only<SyncBatch>(
    singularity,
    `select s.batch_id as "batchId", s.pattern_count as "patternCount"
       from public.sync_learning_to_centralcloud() s`,
  );
}

export interface Assignment {
  readonly tasksAssigned: number;
  readonly agentsAssigned: number;
}

export async function assignTasksNow(singularity: Pool): Promise<Assignment> {
  return await only<Assignment>(
    singularity,
    `select a.tasks_assigned as "tasksAssigned", a.agents_assigned as "agentsAssigned"
       from public.assign_pending_tasks() a`,
  );
}

/**
 * Learns one analysis result now, whatever the schedule.
 *
 * @param analysisId the row's id, in decimal digits.
 * @returns the learned pattern's id, in decimal digits; the same when it was learned already.
 * @throws pg's error with code P0002 when there is no such row, P0001 when it can't be learned.
 */
export async function manuallyLearnAnalysis(
  singularity: Pool,
  analysisId: string,
): Promise<string> {
  const { id } = await only<{ id: string }>(
    singularity,
    "select public.manually_learn_analysis(p_id => $1)::text as id",
    [analysisId],
  );
  return id;
}

/**
 * Brings the view `agent_performance_5min` up to date, while it is read; waits for a refresh that is
 * continuing, then refreshes again. Leaves no trace in the history of jobs.
 *
 * @returns how many rows the view has now.
 */
export async function refreshMetricsNow(singularity: Pool): Promise<{ readonly rowCount: number }> {
  return await only<{ rowCount: number }>(
    singularity,
    `select r.row_count::integer as "rowCount" from public.refresh_metrics() r`,
  );
}

async function only<Row extends object>(
  database: Pool,
  statement: string,
  values: readonly unknown[] = [],
): Promise<Row> {
  const { rows } = await database.query<Row>(statement, [...values]);
  const [row] = rows;
  if (row === undefined) throw new Error(`no row came back from: ${statement}`);
  return row;
}
