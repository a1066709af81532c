import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  customType,
  doublePrecision,
  index,
  integer,
  jsonb,
  numeric,
  pgSchema,
  primaryKey,
  text,
  timestamp,
  unique,
  uuid,
} from "drizzle-orm/pg-core";

/*
 * The central store: what all Singularity databases together have learned.
 * Its content is a function of the set of messages merged into it; only the merge functions in
 * sql/central write to the tables that hold that content. Those tables have no foreign keys: a merge
 * takes its source from `lanes`, which has one, and a key checked once a row would make all
 * concurrent merges share one row lock of `sources`. Sources and lanes are never deleted.
 */

export const central = pgSchema("central");

const bytea = customType<{ data: Buffer }>({ dataType: () => "bytea" });
const instant = (name: string) => timestamp(name, { withTimezone: true });
const count = (name: string) => bigint(name, { mode: "bigint" });

/**
 * The Singularity databases that have ever been seen, and what the server of each said of itself when it was claimed
 * last. Null until a consumer that asks for it has met the source.
 */
export const sources = central.table(
  "sources",
  {
    sourceId: uuid("source_id").primaryKey(),
    name: text("name").notNull(),
    firstSeenAt: instant("first_seen_at").notNull().defaultNow(),
    lastSeenAt: instant("last_seen_at").notNull().defaultNow(),
    /** The server's system identifier; null where it tells none. */
    systemId: text("system_id"),
    /** The database's object identifier there; null: nothing is known of the server. */
    databaseOid: bigint("database_oid", { mode: "number" }),
    timeline: integer("timeline"),
    /** When the server was started, which tells a running server from a copy of it. */
    serverStartedAt: instant("server_started_at"),
    /** Where it was reached, as configured, without login or password; the first is its own, others lead there, too. */
    addresses: text("addresses").array().notNull().default([]),
    /** What an operator decided last: `adopted` or `renewed`. */
    decision: text("decision"),
    /** The login of who decided; of older decisions, what whoever decided has said of itself. */
    decidedBy: text("decided_by"),
    decidedAt: instant("decided_at"),
  },
  (table) => [check("name_is_not_too_long", sql`length(${table.name}) <= 200`)],
);

/** Source × queue as a small number, so that a ledger row stays small. */
export const lanes = central.table(
  "lanes",
  {
    laneId: integer("lane_id").primaryKey().generatedAlwaysAsIdentity(),
    sourceId: uuid("source_id")
      .notNull()
      .references(() => sources.sourceId),
    queue: text("queue").notNull(),
  },
  (table) => [unique("lanes_source_id_queue_key").on(table.sourceId, table.queue)],
);

/**
 * The ledger: which messages have been merged. Written in the transaction of the merge.
 * msg_id alone repeats when a queue is recreated, so enqueued_at is part of the identity.
 */
export const processedMessages = central.table(
  "processed_messages",
  {
    laneId: integer("lane_id").notNull(),
    msgId: bigint("msg_id", { mode: "bigint" }).notNull(),
    enqueuedAt: instant("enqueued_at").notNull(),
    processedAt: instant("processed_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.laneId, table.msgId, table.enqueuedAt] })],
);

/**
 * What the ledger has forgotten: ranges of ids that this store has merged, without a gap, and between
 * which times they were sent. Asked only for messages that come back from the archive.
 */
export const prunedRanges = central.table(
  "pruned_ranges",
  {
    laneId: integer("lane_id").notNull(),
    firstMsgId: bigint("first_msg_id", { mode: "bigint" }).notNull(),
    lastMsgId: bigint("last_msg_id", { mode: "bigint" }).notNull(),
    firstEnqueuedAt: instant("first_enqueued_at").notNull(),
    lastEnqueuedAt: instant("last_enqueued_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.laneId, table.firstMsgId, table.firstEnqueuedAt] }),
    check(
      "first_comes_before_last",
      sql`${table.firstMsgId} <= ${table.lastMsgId} and ${table.firstEnqueuedAt} <= ${table.lastEnqueuedAt}`,
    ),
  ],
);

export const patterns = central.table(
  "patterns",
  {
    /** sha256 of the pattern's jsonb text. */
    fingerprint: bytea("fingerprint").primaryKey(),
    pattern: jsonb("pattern").notNull(),
    observationCount: count("observation_count").notNull(),
    agentCount: integer("agent_count").notNull().default(0),
    sourceCount: integer("source_count").notNull().default(0),
    /** Who has seen it, sorted: so that source_count can be counted under the lock of this row alone. */
    sourceIds: uuid("source_ids").array().notNull().default([]),
    confidenceMax: numeric("confidence_max").notNull(),
    /** The exact sum; a mean could not be added to without an error that depends on the order. */
    confidenceSum: numeric("confidence_sum").notNull(),
    confidenceMean: numeric("confidence_mean")
      .notNull()
      .generatedAlwaysAs(sql`confidence_sum / observation_count`),
    firstLearnedAt: instant("first_learned_at").notNull(),
    lastLearnedAt: instant("last_learned_at").notNull(),
  },
  (table) => [
    check("pattern_is_an_object", sql`jsonb_typeof(${table.pattern}) = 'object'`),
    check("a_pattern_was_observed", sql`${table.observationCount} > 0`),
    check("confidence_is_a_probability", sql`${table.confidenceMax} between 0 and 1`),
    check("first_comes_before_last", sql`${table.firstLearnedAt} <= ${table.lastLearnedAt}`),
    check("sources_are_counted", sql`${table.sourceCount} = cardinality(${table.sourceIds})`),
    // consensus_patterns: few patterns are seen by several sources, so it stays small and is rarely written.
    index("patterns_consensus_idx").on(table.fingerprint).where(sql`${table.sourceCount} >= 3`),
  ],
);

/** Which agents have seen a pattern, and how often. */
export const patternAgents = central.table(
  "pattern_agents",
  {
    fingerprint: bytea("fingerprint").notNull(),
    sourceId: uuid("source_id").notNull(),
    agentId: text("agent_id").notNull(),
    observationCount: count("observation_count").notNull(),
    lastLearnedAt: instant("last_learned_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.fingerprint, table.sourceId, table.agentId] }),
    check("a_pattern_was_observed", sql`${table.observationCount} > 0`),
  ],
);

/** The newest state of each session: last writer wins, on the version that its source assigned. */
export const agentSessions = central.table(
  "agent_sessions",
  {
    sourceId: uuid("source_id").notNull(),
    sessionId: text("session_id").notNull(),
    agentId: text("agent_id").notNull(),
    confidence: numeric("confidence").notNull(),
    /** The state of a legacy message that came in plain. */
    sessionState: jsonb("session_state"),
    /** {alg, key_id, data}: opens with CentralCloud's private key only. */
    sealed: jsonb("sealed"),
    ulid: text("ulid"),
    syncedAt: instant("synced_at").notNull(),
    /** sha256 of the message's jsonb text: decides between two that claim the same version. */
    messageHash: bytea("message_hash").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.sourceId, table.sessionId] }),
    check("confidence_is_a_probability", sql`${table.confidence} between 0 and 1`),
    check(
      "a_session_is_plain_or_sealed",
      sql`(${table.sessionState} is null) <> (${table.sealed} is null)`,
    ),
    index("agent_sessions_agent_id_idx").on(table.agentId),
  ],
);

/** What each agent knows by its source's latest summary. */
export const agentKnowledge = central.table(
  "agent_knowledge",
  {
    sourceId: uuid("source_id").notNull(),
    agentId: text("agent_id").notNull(),
    patternCount: count("pattern_count").notNull(),
    confidence: numeric("confidence").notNull(),
    updatedAt: instant("updated_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.sourceId, table.agentId] }),
    check("pattern_count_is_not_negative", sql`${table.patternCount} >= 0`),
    check("confidence_is_a_probability", sql`${table.confidence} between 0 and 1`),
  ],
);

export const knowledgeSummaries = central.table(
  "knowledge_summaries",
  {
    sourceId: uuid("source_id").notNull(),
    updatedAt: instant("updated_at").notNull(),
    agentsUpdated: count("agents_updated").notNull(),
    totalPatterns: count("total_patterns").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.sourceId, table.updatedAt] }),
    check(
      "counts_are_not_negative",
      sql`${table.agentsUpdated} >= 0 and ${table.totalPatterns} >= 0`,
    ),
  ],
);

/** Failures of messages that are not yet decided: neither merged nor dead-lettered. */
export const deliveryFailures = central.table(
  "delivery_failures",
  {
    id: bigint("id", { mode: "bigint" }).primaryKey().generatedAlwaysAsIdentity(),
    laneId: integer("lane_id")
      .notNull()
      .references(() => lanes.laneId),
    msgId: bigint("msg_id", { mode: "bigint" }).notNull(),
    enqueuedAt: instant("enqueued_at").notNull(),
    consumerId: uuid("consumer_id"),
    errorCode: text("error_code").notNull(),
    errorMessage: text("error_message").notNull(),
    failedAt: instant("failed_at").notNull().defaultNow(),
  },
  (table) => [
    // All attempts of one message, oldest first.
    index("delivery_failures_message_idx").on(
      table.laneId,
      table.msgId,
      table.enqueuedAt,
      table.failedAt,
    ),
  ],
);

/**
 * Captured changes of the sources (change data capture), and the marks of where a capture began, missed
 * something or ended. Partitioned by the day (UTC) of committed_at, which Drizzle does not know: the
 * migration says it, and `central.ensure_change_log_partition` makes the days.
 *
 * A change is known by its source, LSN and ordinal; committed_at follows from the two, and is part of the
 * key because PostgreSQL wants the partition's column there.
 */
export const changeLog = central.table(
  "change_log",
  {
    sourceId: uuid("source_id").notNull(),
    /** The log sequence number of the commit, as PostgreSQL's pg_lsn counts it. */
    lsn: bigint("lsn", { mode: "bigint" }).notNull(),
    /** The place of the change within its transaction, from 0. */
    ordinal: integer("ordinal").notNull(),
    /** Null in snapshots and marks, which no transaction of the source made. */
    xid: bigint("xid", { mode: "bigint" }),
    committedAt: instant("committed_at").notNull(),
    /** Without its schema where that is public; `*` in marks. */
    tableName: text("table_name").notNull(),
    operation: text("operation").notNull(),
    /** The primary key as it was before the change; of an inserted row, as it is. */
    key: jsonb("key"),
    /** The whole row before, where the table's replica identity is full. */
    oldValues: jsonb("old_values"),
    newValues: jsonb("new_values"),
    /** Columns that are not in new_values because a large value in them did not change. */
    unchanged: text("unchanged").array(),
    /** Taken from the values or the key, where it is valid: so an agent's history is found by an index. */
    agentId: text("agent_id"),
  },
  (table) => [
    primaryKey({ columns: [table.sourceId, table.lsn, table.ordinal, table.committedAt] }),
    check(
      "operation_is_known",
      sql`${table.operation} in ('insert', 'update', 'delete', 'truncate', 'snapshot', 'begin', 'gap', 'end')`,
    ),
    // What happened to this agent.
    index("change_log_agent_id_idx")
      .on(table.agentId, table.committedAt)
      .where(sql`${table.agentId} is not null`),
    // What happened to this row, such as a session. By hash: a key may be longer than a B-tree takes.
    index("change_log_key_idx").using("hash", table.key),
    // What happened in this hour, in which order.
    index("change_log_committed_at_idx").on(table.committedAt),
    // Where a capture began, missed something or ended: few entries among all.
    index("change_log_marks_idx")
      .on(table.sourceId, table.committedAt)
      .where(sql`${table.tableName} = '*'`),
  ],
);

/** How far each source has been captured. A slot is confirmed up to here, and never further. */
export const captureCursors = central.table("capture_cursors", {
  sourceId: uuid("source_id").primaryKey(),
  slotName: text("slot_name").notNull(),
  plugin: text("plugin").notNull(),
  /** The source's server, and its timeline: after a failover or a restore, LSNs may repeat. */
  systemId: text("system_id").notNull(),
  timeline: integer("timeline").notNull(),
  /** Everything that was committed before this is in the log. */
  lsn: bigint("lsn", { mode: "bigint" }).notNull(),
  /** The clock of the source then. */
  sourceTime: instant("source_time").notNull(),
  /** When a reader last said that it lives, by the clock of this database. */
  seenAt: instant("seen_at").notNull().defaultNow(),
  /** Who that was: host and process. */
  reader: text("reader").notNull(),
  /** The object identifier of the publication that the slot depends on. Null: none, or not known yet. */
  publicationId: bigint("publication_id", { mode: "number" }),
  /** Why the rest of the slot can't be read, where only reading it told that. */
  lostReason: text("lost_reason"),
  /** What keeps the reader from continuing, until it has continued. */
  fault: text("fault"),
});

/** Live replicas of the consumer. */
export const consumers = central.table("consumers", {
  id: uuid("id").primaryKey(),
  version: text("version").notNull(),
  host: text("host").notNull(),
  startedAt: instant("started_at").notNull().defaultNow(),
  lastSeenAt: instant("last_seen_at").notNull().defaultNow(),
  /** The session keys on its ring: from each key's id to its fingerprint. Null where it does not say. */
  heldKeys: jsonb("held_keys"),
  /** Whether it opens seals that name their session; false where it does not say. */
  opensBoundSeals: boolean("opens_bound_seals").notNull().default(false),
  /** The sources that it consumes: from each id to when the server was started. Null where it does not say. */
  sources: jsonb("sources"),
  /** The last beat of its that this store acknowledged; null: an epoch has begun since. */
  beat: bigint("beat", { mode: "number" }).default(0),
  /** What its /readyz answered when that last changed, or a minute ago. Null where it does not say. */
  readiness: jsonb("readiness"),
  readinessAt: instant("readiness_at"),
});

/**
 * Stretches of the store's life, in each of which it can have lost nothing that it told to be committed; the newest continues. A new one begins where the store says something else of itself than before, where it does not have what a consumer
 * said last, and where no consumer was at work: then the sources' archives are compared with the ledger.
 */
export const epochs = central.table("epochs", {
  id: bigint("id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
  beganAt: instant("began_at").notNull().defaultNow(),
  /** Why it began, in words. */
  reason: text("reason").notNull(),
  /** As far as is known, no consumer had worked a moment before. */
  isQuiet: boolean("is_quiet").notNull(),
  /** When a consumer last confirmed it. */
  seenAt: instant("seen_at").notNull().defaultNow(),
  /** What central.store_facts said when it began. */
  systemId: text("system_id"),
  timeline: integer("timeline"),
  serverStartedAt: instant("server_started_at").notNull(),
  recoveredAt: instant("recovered_at"),
  databaseOid: bigint("database_oid", { mode: "number" }).notNull(),
  ledgerFile: bigint("ledger_file", { mode: "number" }).notNull(),
});

/** Until when everything that a source archived is in this store, by the source's clock. */
export const archiveWatermarks = central.table("archive_watermarks", {
  sourceId: uuid("source_id").primaryKey(),
  storedUntil: instant("stored_until").notNull(),
  notedAt: instant("noted_at").notNull().defaultNow(),
});

/** What is to be compared of a source's archive with the ledger, and what was found missing. Times by the source's clock. */
export const archiveChecks = central.table(
  "archive_checks",
  {
    sourceId: uuid("source_id").notNull(),
    queue: text("queue").notNull(),
    /** The epoch for which it is compared. */
    epochId: bigint("epoch_id", { mode: "number" }).notNull(),
    /** What was archived since then is to be compared; null: nothing is. */
    fromAt: instant("from_at"),
    /** And until then; null until somebody has begun with it. */
    untilAt: instant("until_at"),
    /** When the oldest was archived of those that are missing in the store; null: none is. */
    missingSince: instant("missing_since"),
    missingCount: integer("missing_count").notNull().default(0),
    /** Not all of them were counted. */
    isAtLeast: boolean("is_at_least").notNull().default(false),
    /** What keeps some of it from being compared. */
    problem: text("problem"),
    /** When it was last compared, by the clock of this database. */
    comparedAt: instant("compared_at"),
    /** Which consumer compares it, and until when nobody else does. */
    runner: uuid("runner"),
    leaseUntil: instant("lease_until"),
  },
  (table) => [
    primaryKey({ columns: [table.sourceId, table.queue] }),
    check(
      "missing_messages_are_counted",
      sql`(${table.missingSince} is null) = (${table.missingCount} = 0) and ${table.missingCount} >= 0`,
    ),
  ],
);

/**
 * Who did what to which dead letters, when and why: one row is one durable action. Written by functions only. Whoever
 * holds the lease runs it; how far each part is, is known at its source (`operator_action_progress`), and copied here.
 */
export const operatorActions = central.table(
  "operator_actions",
  {
    id: bigint("id", { mode: "bigint" }).primaryKey().generatedAlwaysAsIdentity(),
    actor: text("actor").notNull(),
    action: text("action").notNull(),
    reason: text("reason").notNull(),
    selection: jsonb("selection").notNull(),
    messageCount: integer("message_count").notNull(),
    dryRun: boolean("dry_run").notNull().default(false),
    startedAt: instant("started_at").notNull().defaultNow(),
    /** When its figures were final: an action that is cancelled may have a last chunk under way. */
    finishedAt: instant("finished_at"),
    /** By this its sources know it: an id comes again in a store that was made anew. */
    actionKey: uuid("action_key").notNull().defaultRandom(),
    state: text("state").notNull().default("planned"),
    /** The login that asked for it; null where that was not written down yet. */
    login: text("login"),
    osUser: text("os_user"),
    /** `cli`, `console`. */
    channel: text("channel"),
    /** Messages that the selection had when it was planned. */
    expectedCount: count("expected_count"),
    /** Messages a second at most. */
    rate: doublePrecision("rate"),
    /** How many go first, so that their outcome decides about the rest. */
    canaryCount: integer("canary_count"),
    /** `sending`, `waiting`, `passed` or `stopped`. */
    canaryState: text("canary_state"),
    idempotencyKey: text("idempotency_key"),
    /** Why it failed or stopped, without contents of rows. */
    error: text("error"),
    /** Which process runs it, as host, process and a random part. */
    runner: text("runner"),
    /** By this database's clock. */
    leaseUntil: instant("lease_until"),
    /** How often a runner has claimed it: a later claim has the greater number. */
    claimCount: integer("claim_count").notNull().default(0),
  },
  (table) => [
    check("a_reason_is_given", sql`${table.reason} <> ''`),
    check(
      "state_is_known",
      sql`${table.state} in ('planned', 'running', 'paused', 'cancelled', 'done', 'failed')`,
    ),
    check("rate_is_positive", sql`${table.rate} > 0`),
    unique("operator_actions_action_key_key").on(table.actionKey),
    unique("operator_actions_idempotency_key_key").on(table.idempotencyKey),
  ],
);

/** One queue of one source of an action: what is selected there, and the figures that its source last told. */
export const operatorActionParts = central.table(
  "operator_action_parts",
  {
    actionId: bigint("action_id", { mode: "bigint" })
      .notNull()
      .references(() => operatorActions.id, { onDelete: "cascade" }),
    sourceId: uuid("source_id").notNull(),
    sourceName: text("source_name").notNull(),
    queue: text("queue").notNull(),
    /** The filter with absolute bounds, by the source's clock. */
    selection: jsonb("selection").notNull(),
    expectedCount: count("expected_count").notNull(),
    movedCount: count("moved_count").notNull(),
    /** Those of them whose message the ledger knew, so that nothing was sent. */
    mergedCount: count("merged_count").notNull(),
    /** Left behind at the end because they can't be moved. */
    refusedCount: count("refused_count").notNull(),
    /** Left behind at the end; null before. */
    remainingCount: count("remaining_count"),
    /** What else a kind of action counts. */
    detail: jsonb("detail").notNull(),
    cursorAt: instant("cursor_at"),
    cursorId: bigint("cursor_id", { mode: "bigint" }),
    /** By the source's clock. */
    startedAt: instant("started_at"),
    endedAt: instant("ended_at"),
  },
  (table) => [primaryKey({ columns: [table.actionId, table.sourceId, table.queue] })],
);

/** What became of actions, and who had a hand in it; only ever added to. */
export const operatorActionEvents = central.table(
  "operator_action_events",
  {
    id: bigint("id", { mode: "bigint" }).primaryKey().generatedAlwaysAsIdentity(),
    actionId: bigint("action_id", { mode: "bigint" })
      .notNull()
      .references(() => operatorActions.id, { onDelete: "cascade" }),
    at: instant("at").notNull().defaultNow(),
    /** `planned`, `claimed`, `paused`, `resumed`, `cancelled`, `rate`, `canary`, `done`, `failed`. */
    event: text("event").notNull(),
    actor: text("actor").notNull(),
    login: text("login").notNull(),
    detail: jsonb("detail").notNull(),
  },
  (table) => [index("operator_action_events_action_id_idx").on(table.actionId, table.id)],
);
