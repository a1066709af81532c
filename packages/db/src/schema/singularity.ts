import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  customType,
  index,
  integer,
  interval,
  jsonb,
  numeric,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";

/*
 * The Singularity database: what AI coding agents write, and what the procedures make of it.
 * Changed only through migrations (`pnpm --filter @centralcloud/db generate`).
 */

const bytea = customType<{ data: Buffer }>({ dataType: () => "bytea" });
const instant = (name: string) => timestamp(name, { withTimezone: true });
const createdAt = () => instant("created_at").notNull().defaultNow();
const identity = () => bigint("id", { mode: "bigint" }).generatedAlwaysAsIdentity();

/** The identity of this database, written once by its migration and carried into CentralCloud. */
export const singularitySource = pgTable(
  "singularity_source",
  {
    singleton: boolean("singleton").primaryKey().default(true),
    sourceId: uuid("source_id").notNull().defaultRandom(),
    name: text("name").notNull(),
    createdAt: createdAt(),
    /** What was archived until then is another source's, of which this one was a copy; null where it never was. */
    copiedUntil: instant("copied_until"),
  },
  (table) => [
    check("there_is_one_source", sql`${table.singleton}`),
    check("name_is_not_empty", sql`${table.name} <> ''`),
    // The consumer and the central store take no longer one.
    check("name_is_not_too_long", sql`length(${table.name}) <= 200`),
  ],
);

export const agents = pgTable(
  "agents",
  {
    agentId: text("agent_id").primaryKey(),
    status: text("status").notNull().default("active"),
    /** How many tasks the agent works on at once. */
    capacity: integer("capacity").notNull().default(10),
    knownPatterns: jsonb("known_patterns").notNull().default([]),
    patternCount: integer("pattern_count").notNull().default(0),
    confidence: numeric("confidence"),
    knowledgeUpdatedAt: instant("knowledge_updated_at"),
    /** True from an update of the knowledge until its summary is on the queue. */
    knowledgeUnsynced: boolean("knowledge_unsynced").notNull().default(false),
    createdAt: createdAt(),
    /** Why the summary leaves the agent out. */
    knowledgeError: text("knowledge_error"),
    /** The version of the agent's knowledge that was queued last. */
    knowledgeSyncedAt: instant("knowledge_synced_at"),
  },
  (table) => [
    check("agent_id_is_not_empty", sql`${table.agentId} <> ''`),
    check("pattern_count_is_not_negative", sql`${table.patternCount} >= 0`),
    check("status_is_known", sql`${table.status} in ('active', 'inactive')`),
    check("capacity_is_not_negative", sql`${table.capacity} >= 0`),
    check("confidence_is_a_probability", sql`${table.confidence} between 0 and 1`),
    // What the next sync run queues again.
    index("agents_knowledge_unsynced_idx").on(table.agentId).where(sql`${table.knowledgeUnsynced}`),
  ],
);

/**
 * What applications hand in. An inbox: it refuses nothing, so that no application's statement fails
 * because of us; what can't be learned is marked with its reason by the procedure.
 */
export const analysisResults = pgTable(
  "analysis_results",
  {
    id: identity().primaryKey(),
    agentId: text("agent_id"),
    result: jsonb("result"),
    confidence: numeric("confidence"),
    /** Null counts as false. */
    learned: boolean("learned").default(false),
    learnedAt: instant("learned_at"),
    /** Why this row can't be learned; null while it can be, or has been. */
    learnError: text("learn_error"),
    createdAt: createdAt(),
    /** Given when the row is learned, and never twice: `id` comes back where its sequence starts anew. */
    learningId: uuid("learning_id"),
  },
  (table) => [
    // The procedure reads the oldest unlearned rows; the index holds those only, however many are learned.
    index("analysis_results_unlearned_idx")
      .on(table.createdAt, table.id)
      .where(sql`${table.learned} is not true and ${table.learnError} is null`),
  ],
);

export const learnedPatterns = pgTable(
  "learned_patterns",
  {
    id: identity().primaryKey(),
    /**
     * Where it came from, together with learning_id: an id alone comes back. No foreign key: analysis
     * results may be removed once they are learned.
     */
    analysisId: bigint("analysis_id", { mode: "bigint" }),
    agentId: text("agent_id").notNull(),
    pattern: jsonb("pattern").notNull(),
    confidence: numeric("confidence").notNull(),
    learnedAt: instant("learned_at").notNull().default(sql`clock_timestamp()`),
    /** When the pattern was put on the queue; null while it has not been. */
    syncedAt: instant("synced_at"),
    /** Why the last attempt to queue it failed. */
    syncError: text("sync_error"),
    /** That of the analysis result as it was learned; null in patterns of older versions. */
    learningId: uuid("learning_id"),
    /** When that was: those whose last failure is the oldest are tried first. */
    syncFailedAt: instant("sync_failed_at"),
  },
  (table) => [
    // The pattern that was learned from an analysis result.
    index("learned_patterns_analysis_id_idx").on(table.analysisId),
    check("agent_id_is_not_empty", sql`${table.agentId} <> ''`),
    check("pattern_is_an_object", sql`jsonb_typeof(${table.pattern}) = 'object'`),
    check("confidence_is_a_probability", sql`${table.confidence} between 0 and 1`),
    // Knowledge of the last 24 hours, per agent.
    index("learned_patterns_agent_id_learned_at_idx").on(table.agentId, table.learnedAt),
    // What the next sync run queues.
    index("learned_patterns_sync_next_idx")
      .on(table.syncFailedAt.nullsFirst(), table.id)
      .where(sql`${table.syncedAt} is null`),
  ],
);

export const agentSessions = pgTable(
  "agent_sessions",
  {
    id: uuid("id").primaryKey().defaultRandom(),
    agentId: text("agent_id").notNull(),
    /** Readable here and with CentralCloud's private key, nowhere else. */
    state: jsonb("state").notNull().default({}),
    confidence: numeric("confidence").notNull().default("0.5"),
    createdAt: createdAt(),
    lastSyncedAt: instant("last_synced_at"),
    /** True from a change until that change is on the queue. */
    unsynced: boolean("unsynced").notNull().default(true),
    syncError: text("sync_error"),
    /** When that was: those whose last failure is the oldest are tried first. */
    syncFailedAt: instant("sync_failed_at"),
  },
  (table) => [
    index("agent_sessions_agent_id_idx").on(table.agentId),
    // What the next sync run queues.
    index("agent_sessions_sync_next_idx")
      .on(table.syncFailedAt.nullsFirst(), table.id)
      .where(sql`${table.unsynced}`),
  ],
);

export const pendingTasks = pgTable(
  "pending_tasks",
  {
    id: identity().primaryKey(),
    /** The agent the task asks for; null leaves the choice to the procedure. */
    agentId: text("agent_id"),
    task: jsonb("task").notNull().default({}),
    /** Larger is more urgent. */
    priority: integer("priority").notNull().default(0),
    status: text("status").notNull().default("pending"),
    assignedTo: text("assigned_to"),
    assignedAt: instant("assigned_at"),
    createdAt: createdAt(),
  },
  (table) => [
    check(
      "status_is_known",
      sql`${table.status} in ('pending', 'assigned', 'completed', 'cancelled')`,
    ),
    check(
      "an_assigned_task_has_an_agent",
      sql`${table.status} <> 'assigned' or ${table.assignedTo} is not null`,
    ),
    // The most urgent, then the oldest, of those that wait for an agent, or for any (null).
    index("pending_tasks_waiting_idx")
      .on(table.agentId, table.priority.desc(), table.createdAt, table.id)
      .where(sql`${table.status} = 'pending'`),
    // Counts an agent's open tasks against its capacity.
    index("pending_tasks_assigned_to_idx")
      .on(table.assignedTo)
      .where(sql`${table.status} = 'assigned'`),
  ],
);

/** The same columns for finished tasks and for those moved to the archive. */
const taskColumns = () => ({
  agentId: text("agent_id").notNull(),
  durationMs: numeric("duration_ms"),
  status: text("status").notNull().default("running"),
  createdAt: createdAt(),
  completedAt: instant("completed_at"),
});

export const agentTasks = pgTable("agent_tasks", { id: identity(), ...taskColumns() }, (table) => [
  // created_at is part of the key because a hypertable is partitioned by it.
  primaryKey({ columns: [table.id, table.createdAt] }),
  check("duration_ms_is_not_negative", sql`${table.durationMs} >= 0`),
  index("agent_tasks_agent_id_created_at_idx").on(table.agentId, table.createdAt),
]);

export const agentTasksArchive = pgTable(
  "agent_tasks_archive",
  {
    id: bigint("id", { mode: "bigint" }).notNull(),
    ...taskColumns(),
    archivedAt: instant("archived_at").notNull().defaultNow(),
  },
  // id and created_at come back where the sequence starts anew and an application gives the time.
  (table) => [primaryKey({ columns: [table.id, table.createdAt, table.archivedAt] })],
);

/** One row a sync run that queued something. */
export const learningSyncLog = pgTable(
  "learning_sync_log",
  {
    /** A ULID. */
    batchId: text("batch_id").primaryKey(),
    patternCount: integer("pattern_count").notNull().default(0),
    firstPatternMsgId: bigint("first_pattern_msg_id", { mode: "bigint" }),
    lastPatternMsgId: bigint("last_pattern_msg_id", { mode: "bigint" }),
    sessionCount: integer("session_count").notNull().default(0),
    firstSessionMsgId: bigint("first_session_msg_id", { mode: "bigint" }),
    lastSessionMsgId: bigint("last_session_msg_id", { mode: "bigint" }),
    /** Delivered: the consumers have taken every message of it from the queues. */
    status: text("status").notNull().default("queued"),
    createdAt: createdAt(),
    deliveredAt: instant("delivered_at"),
  },
  (table) => [
    check("status_is_known", sql`${table.status} in ('queued', 'delivered')`),
    check(
      "a_delivered_batch_has_its_time",
      sql`(${table.status} = 'delivered') = (${table.deliveredAt} is not null)`,
    ),
    // Retention removes by age; sync looks at what is not delivered yet.
    index("learning_sync_log_created_at_idx").on(table.createdAt),
    index("learning_sync_log_queued_idx").on(table.batchId).where(sql`${table.status} = 'queued'`),
  ],
);

/** What runs by itself and when; written by sql/singularity/schedules alone. */
export const scheduledJobs = pgTable("scheduled_jobs", {
  jobName: text("job_name").primaryKey(),
  /** Five fields of cron, in UTC. */
  schedule: text("schedule").notNull(),
  /** The function of schema public that does it; it takes no arguments. */
  functionName: text("function_name").notNull(),
  description: text("description").notNull(),
  /**
   * A function that does one step of it, and says by a column `more` whether to call it again; null where
   * the job is one transaction.
   */
  stepFunctionName: text("step_function_name"),
  /** After so long a run begins no other step. */
  longestRun: interval("longest_run"),
});

/** Every run of a job, whoever started it: pg_cron, the scheduler process, or an operator. */
export const jobRuns = pgTable(
  "job_runs",
  {
    runId: bigint("run_id", { mode: "bigint" }).generatedAlwaysAsIdentity().primaryKey(),
    jobName: text("job_name").notNull(),
    status: text("status").notNull(),
    /** What the function returned, or null when it failed. */
    result: jsonb("result"),
    /** Why it failed; or, of one that was skipped, whose run was under way. */
    error: text("error"),
    startedBy: text("started_by").notNull(),
    startedAt: instant("started_at").notNull(),
    finishedAt: instant("finished_at").notNull(),
  },
  (table) => [
    check("status_is_known", sql`${table.status} in ('succeeded', 'failed', 'skipped')`),
    // The last run of each job, and its last success.
    index("job_runs_job_name_started_at_idx").on(table.jobName, table.startedAt.desc()),
    // Retention removes by age.
    index("job_runs_started_at_idx").on(table.startedAt),
  ],
);

/**
 * Who of ours excludes whom: a lock is the lock of its row, which no application may take, since it has no right on
 * this table. Advisory locks have no rights: any login can take any of them.
 */
export const centralcloudLocks = pgTable("centralcloud_locks", {
  /** The default is for `migrate`, which makes a lost column again though the table has rows; names are given. */
  lockName: text("lock_name").primaryKey().default(sql`gen_random_uuid()::text`),
  /** For a lock that a session has for as long as it lives: its process, and the key of an advisory lock that it holds. */
  holderPid: integer("holder_pid"),
  holderKey: bigint("holder_key", { mode: "bigint" }),
});

/** CentralCloud's public keys. Private keys never come here. */
export const sessionKeys = pgTable(
  "session_keys",
  {
    keyId: text("key_id").primaryKey(),
    algorithm: text("algorithm").notNull(),
    publicKey: bytea("public_key").notNull(),
    active: boolean("active").notNull().default(false),
    createdAt: createdAt(),
    retiredAt: instant("retired_at"),
    /**
     * Whether a seal names its session (and openpgp seals a data key), which consumers open from this version on. False
     * for keys of older versions, until an operator says that all consumers can.
     */
    binds: boolean("binds").notNull().default(true),
    /** What data keys are made of, together with a random number that no table holds. Opens nothing by itself. */
    dataKeySecret: text("data_key_secret")
      .notNull()
      .default(
        sql`encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex')`,
      ),
  },
  (table) => [
    // New sessions are sealed for one key only.
    uniqueIndex("session_keys_one_is_active").on(table.active).where(sql`${table.active}`),
    check("a_retired_key_is_not_active", sql`not ${table.active} or ${table.retiredAt} is null`),
  ],
);

/**
 * How far an operator's action is in one queue: the source's own record of it. Written by functions only, in the
 * transaction that moves messages, so its figures are those of what was moved, wherever a process was killed. A row that
 * is closed moves no more.
 */
export const operatorActionProgress = pgTable(
  "operator_action_progress",
  {
    /** `action_key` of `central.operator_actions`. */
    actionKey: uuid("action_key").notNull(),
    queue: text("queue").notNull(),
    /** The id that the central store shows. */
    actionId: bigint("action_id", { mode: "bigint" }).notNull(),
    /** The process that works on it; one that had it before moves no more. */
    runner: text("runner").notNull(),
    /** Of the claim by which that process has the action; one with a smaller number does not take the part back. */
    claimNumber: integer("claim_number").notNull().default(0),
    startedAt: instant("started_at").notNull().default(sql`clock_timestamp()`),
    updatedAt: instant("updated_at").notNull().default(sql`clock_timestamp()`),
    closedAt: instant("closed_at"),
    /** The last message that was looked at, in this pass. */
    cursorAt: instant("cursor_at"),
    cursorId: bigint("cursor_id", { mode: "bigint" }),
    /** The first steps over messages that others have locked, the second waits for them. */
    passNumber: integer("pass_number").notNull().default(1),
    movedCount: bigint("moved_count", { mode: "bigint" }).notNull().default(sql`0`),
    mergedCount: bigint("merged_count", { mode: "bigint" }).notNull().default(sql`0`),
    detail: jsonb("detail").notNull().default({}),
    /** Of whoever opened it last; null where a build did that which did not write it down. */
    login: text("login"),
    /** Each one that opened it, oldest first: `{login, runner, claim_number, at}`. */
    openers: jsonb("openers").notNull().default([]),
  },
  (table) => [primaryKey({ columns: [table.actionKey, table.queue] })],
);
