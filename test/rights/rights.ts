import { queueNames } from "@centralcloud/contracts";

/**
 * Who may do what with each object of both databases: the one place that says so beside the grants themselves.
 * What a row does not give is refused, and an object without a row fails the tests, so whoever adds one decides
 * here. Rights are privileges of PostgreSQL, separated by spaces; `update(vt)` is one on a column. Not written down is that centralcloud_owner may
 * do everything with what is its own.
 */

/** The roles `centralcloud_…`, and everybody who can log in. */
export const roles = [
  "application",
  "auditor",
  "consumer",
  "jobs",
  "operator",
  "owner",
  "viewer",
  "everybody",
] as const;
export type Role = (typeof roles)[number];

/** Rights on some columns: of each column of the table it says whether the role may do something with it. */
export interface ByColumn {
  readonly select: string;
  /** The columns that it may do nothing with. */
  readonly nothing: string;
}

export type Row = Readonly<Partial<Record<Role, string | ByColumn>>>;

/** What pgmq made belongs to whoever migrates, so the owner of the rest has rows here, too. */
const ofQueues = queueNames.flatMap((queue): [string, Row][] => {
  const owner = "select insert update delete";
  const isSealed = queue === "agent-sessions";
  const waiting = "msg_id read_ct enqueued_at vt headers last_read_at";
  const heads = (columns: string): ByColumn => ({ select: columns, nothing: "message" });
  const looks = isSealed ? heads(waiting) : "select";
  const looksBack = isSealed ? heads(`${waiting} archived_at`) : "select";
  const locks = "select update(vt)";
  return [
    [
      `table pgmq.q_${queue}`,
      { owner, consumer: "select update delete", operator: looks, viewer: looks },
    ],
    [
      `table pgmq.a_${queue}`,
      { owner, consumer: "select insert", operator: looksBack, viewer: looksBack },
    ],
    [`sequence pgmq.q_${queue}_msg_id_seq`, { owner: "select", consumer: "select" }],
    [
      `table pgmq.q_${queue}-dlq`,
      { owner, consumer: "select insert", operator: locks, viewer: "select" },
    ],
    [`table pgmq.a_${queue}-dlq`, { owner, operator: locks, viewer: "select" }],
    [`sequence pgmq.q_${queue}-dlq_msg_id_seq`, { owner: "select", consumer: "select" }],
  ];
});

/** Columns that some versions of pgmq have. */
export const optionalColumns: readonly string[] = ["last_read_at"];

/** Objects that some versions of pgmq have. */
export const optional: readonly string[] = [
  "table pgmq.notify_insert_throttle",
  "table pgmq.topic_bindings",
];

/** What the doctor tells of rows that applications wrote: that they could not be queued, and why. */
const unsyncedSessions: ByColumn = {
  select: "unsynced sync_error",
  nothing: "id agent_id state confidence created_at last_synced_at sync_failed_at",
};
const unsyncedAgents: ByColumn = {
  select: "knowledge_unsynced knowledge_error",
  nothing:
    "agent_id status capacity known_patterns pattern_count confidence knowledge_updated_at created_at knowledge_synced_at",
};
const unsyncedPatterns: ByColumn = {
  select: "synced_at sync_error",
  nothing: "id analysis_id agent_id pattern confidence learned_at learning_id sync_failed_at",
};
const taskDurations: ByColumn = {
  select: "id status duration_ms created_at",
  nothing: "agent_id completed_at",
};

/** Not what data keys are made of. */
const keyColumns: ByColumn = {
  select: "key_id algorithm public_key active created_at retired_at binds",
  nothing: "data_key_secret",
};

const singularity: Readonly<Record<string, Row>> = {
  database: { owner: "create connect temporary", everybody: "connect temporary" },
  "schema public": { owner: "usage create", everybody: "usage" },
  "schema pgmq": { owner: "usage", consumer: "usage", operator: "usage", viewer: "usage" },
  "schema centralcloud_migrations": { operator: "usage", viewer: "usage" },
  "table pgmq.meta": { owner: "select" },
  "table pgmq.notify_insert_throttle": { owner: "select update" },
  "table pgmq.topic_bindings": {},
  ...Object.fromEntries(ofQueues),
  "table centralcloud_migrations.comparisons": { operator: "select", viewer: "select" },
  "table centralcloud_migrations.migrations": { operator: "select", viewer: "select" },
  "table centralcloud_migrations.objects": { operator: "select", viewer: "select" },
  "table public.agent_sessions": {
    operator: unsyncedSessions,
    viewer: unsyncedSessions,
    application: "select insert update",
    auditor: {
      select: "id agent_id confidence created_at last_synced_at unsynced sync_error",
      nothing: "state sync_failed_at",
    },
  },
  "table public.agent_tasks": {
    application: "select insert update",
    auditor: "select",
    operator: taskDurations,
    viewer: taskDurations,
  },
  "table public.agent_tasks_archive": { application: "select" },
  "table public.agents": {
    application: "select insert update",
    auditor: "select",
    operator: unsyncedAgents,
    viewer: unsyncedAgents,
  },
  "table public.analysis_results": { application: "select insert update", auditor: "select" },
  "table public.centralcloud_locks": {},
  "table public.job_runs": { operator: "select", viewer: "select" },
  "table public.learned_patterns": {
    application: "select",
    auditor: "select",
    operator: unsyncedPatterns,
    viewer: unsyncedPatterns,
  },
  "table public.learning_sync_log": { auditor: "select" },
  "table public.operator_action_progress": { operator: "select", viewer: "select" },
  "table public.pending_tasks": { application: "select insert update", auditor: "select" },
  "table public.scheduled_jobs": { operator: "select", viewer: "select" },
  "table public.session_keys": { operator: keyColumns, viewer: keyColumns },
  "table public.singularity_source": {
    auditor: "select",
    consumer: "select",
    jobs: "select",
    operator: "select",
    viewer: "select",
  },
  "view public.agent_performance_5min": {
    application: "select",
    operator: "select",
    viewer: "select",
  },
  "view public.job_times": { jobs: "select", operator: "select", viewer: "select" },
  "view public.scheduled_jobs_status": { jobs: "select", operator: "select", viewer: "select" },
  "sequence public.agent_tasks_id_seq": {},
  "sequence public.analysis_results_id_seq": {},
  "sequence public.job_runs_run_id_seq": {},
  "sequence public.learned_patterns_id_seq": {},
  "sequence public.pending_tasks_id_seq": {},
  "function public.add_job_results": {},
  "function public.add_session_key": { operator: "execute" },
  "function public.archive_completed_tasks": {},
  "function public.assign_pending_tasks": { application: "execute" },
  "function public.begin_slot": { auditor: "execute" },
  "function public.can_be_nested": {},
  "function public.cleanup_job_runs": {},
  "function public.cleanup_queue_archives": {},
  "function public.cleanup_sync_logs": {},
  "function public.count_that_fit": {},
  "function public.create_queue": {},
  "function public.dead_letter_fingerprint": { everybody: "execute" },
  "function public.decode_base32": { everybody: "execute" },
  "function public.describe_lock_holder": {},
  "function public.describe_sessions": {},
  "function public.encode_base32": { everybody: "execute" },
  "function public.end_publication": { auditor: "execute" },
  "function public.examine_captured_tables": {
    auditor: "execute",
    operator: "execute",
    viewer: "execute",
  },
  "function public.gen_ulid": { everybody: "execute" },
  "function public.gen_ulids": { everybody: "execute" },
  "function public.grant_queue": {},
  "function public.hold_lock": {},
  "function public.is_advisory_lock": {},
  "function public.is_fault_of_row": {},
  "function public.lead_schedules": { jobs: "execute" },
  "function public.learn_analysis_results": {},
  "function public.learn_next_results": {},
  "function public.learn_patterns_from_analysis": { application: "execute" },
  "function public.learn_results_together": {},
  "function public.manually_learn_analysis": { application: "execute" },
  "function public.mark_delivered_batches": {},
  "function public.message_headers": {},
  "function public.notify_idle_consumers": {},
  "function public.openpgp_packet_tags": {},
  "function public.pattern_message": {},
  "function public.persist_agent_session": {},
  "function public.persist_new_sessions": {},
  "function public.publish_for_capture": { auditor: "execute" },
  "function public.queue_agent_knowledge": {},
  "function public.queue_agent_sessions": {},
  "function public.queue_patterns": {},
  "function public.queue_sessions_together": {},
  "function public.queue_unsynced_patterns": {},
  "function public.queue_unsynced_sessions": {},
  "function public.refresh_metrics": {},
  "function public.run_job": { jobs: "execute" },
  "function public.run_job_step": { jobs: "execute" },
  "function public.seal_bytes": {},
  "function public.schema_of_pgcrypto": {},
  "function public.seal_session_states": {},
  "function public.session_data_key": {},
  "function public.session_with_lock": {},
  "function public.sessions_in_the_way": {},
  "function public.sum_up_knowledge": {},
  "function public.sync_learning_to_centralcloud": { application: "execute" },
  "function public.sync_next_learning": {},
  "function public.take_lock": {},
  "function public.ulid_timestamp": { everybody: "execute" },
  "function public.ulid_to_uuid": { everybody: "execute" },
  "function public.update_agent_knowledge": { application: "execute" },
  "function public.uuid_to_ulid": { everybody: "execute" },
  "function public.archived_letter_headers": {},
  "function public.archived_letter_id": {},
  "function public.close_action_part": { operator: "execute" },
  "function public.count_action_part": {},
  "function public.dead_letter_queue_tables": {},
  "function public.describe_session_messages": { operator: "execute", viewer: "execute" },
  "function public.discard_dead_letters": { operator: "execute" },
  "function public.find_session_messages": { operator: "execute", viewer: "execute" },
  "function public.lock_action_part": { operator: "execute" },
  "function public.open_action_part": { operator: "execute" },
  "function public.replay_dead_letters": { operator: "execute" },
  "function public.requeue_archived_messages": { operator: "execute" },
  "function public.restore_dead_letters": { operator: "execute" },
  "function public.run_job_step_by_hand": { operator: "execute" },
  "function public.save_action_part": { operator: "execute" },
  "function public.run_job_in_steps": { jobs: "execute" },
};

/** Neither what a session has in it, plain or sealed, nor what tells two contents apart. */
const sessionHeads: ByColumn = {
  select: "source_id session_id agent_id confidence ulid synced_at",
  nothing: "session_state sealed message_hash",
};

const central: Readonly<Record<string, Row>> = {
  database: { everybody: "connect temporary" },
  "schema central": { auditor: "usage", consumer: "usage", operator: "usage", viewer: "usage" },
  "schema centralcloud_migrations": { operator: "usage", viewer: "usage" },
  "schema public": { everybody: "usage" },
  "table central.agent_knowledge": { consumer: "select", operator: "select", viewer: "select" },
  "table central.agent_sessions": {
    consumer: "select",
    operator: sessionHeads,
    viewer: sessionHeads,
  },
  "table central.archive_checks": { consumer: "select", operator: "select", viewer: "select" },
  "table central.archive_watermarks": { operator: "select", viewer: "select" },
  "table central.capture_cursors": { auditor: "select", operator: "select", viewer: "select" },
  "table central.change_log": { auditor: "select", operator: "select", viewer: "select" },
  "table central.consumers": { consumer: "select", operator: "select", viewer: "select" },
  "table central.delivery_failures": { operator: "select", viewer: "select" },
  "table central.epochs": { consumer: "select", operator: "select", viewer: "select" },
  "table central.knowledge_summaries": { consumer: "select", operator: "select", viewer: "select" },
  "table central.lanes": { consumer: "select", operator: "select", viewer: "select" },
  "table central.operator_action_events": { operator: "select", viewer: "select" },
  "table central.operator_action_parts": { operator: "select", viewer: "select" },
  "table central.operator_actions": { operator: "select", viewer: "select" },
  "table central.pattern_agents": { consumer: "select", operator: "select", viewer: "select" },
  "table central.patterns": { consumer: "select", operator: "select", viewer: "select" },
  "table central.processed_messages": { consumer: "select", operator: "select", viewer: "select" },
  "table central.pruned_ranges": { operator: "select", viewer: "select" },
  "table central.sources": {
    auditor: "select",
    consumer: "select",
    operator: "select",
    viewer: "select",
  },
  "table centralcloud_migrations.comparisons": { operator: "select", viewer: "select" },
  "table centralcloud_migrations.migrations": { operator: "select", viewer: "select" },
  "table centralcloud_migrations.objects": { operator: "select", viewer: "select" },
  "view central.consensus_patterns": { consumer: "select", operator: "select", viewer: "select" },
  "view central.session_key_usage": { operator: "select", viewer: "select" },
  "sequence central.delivery_failures_id_seq": {},
  "sequence central.epochs_id_seq": {},
  "sequence central.lanes_lane_id_seq": {},
  "sequence central.operator_action_events_id_seq": {},
  "sequence central.operator_actions_id_seq": {},
  "function central.adopt_source": { operator: "execute" },
  "function central.advance_capture_cursor": { auditor: "execute" },
  "function central.begin_capture": { auditor: "execute" },
  "function central.begin_epoch": {},
  "function central.claim_archive_check": { consumer: "execute" },
  "function central.claim_operator_action": { operator: "execute" },
  "function central.control_operator_action": { operator: "execute" },
  "function central.claim_captured_source": { auditor: "execute" },
  "function central.claim_source": { consumer: "execute" },
  "function central.confirm_epoch": { consumer: "execute" },
  "function central.confirm_sources": { consumer: "execute" },
  "function central.doubt_epoch": {
    consumer: "execute",
    operator: "execute",
    viewer: "execute",
  },
  "function central.end_capture": { auditor: "execute" },
  "function central.ensure_change_log_partition": {},
  "function central.failures_as_attempts": {},
  "function central.find_missing_messages": { consumer: "execute" },
  "function central.forget_failures": { consumer: "execute" },
  "function central.judge_source": {
    auditor: "execute",
    consumer: "execute",
    operator: "execute",
    viewer: "execute",
  },
  "function central.lane_id": {},
  "function central.look_up_deliveries": {
    consumer: "execute",
    operator: "execute",
    viewer: "execute",
  },
  "function central.maintain_change_log": { auditor: "execute" },
  "function central.mark_capture_gap": { auditor: "execute" },
  "function central.mark_change_log": {},
  "function central.merge_knowledge": { consumer: "execute" },
  "function central.merge_patterns": { consumer: "execute" },
  "function central.merge_sessions": { consumer: "execute" },
  "function central.next_action_state": {},
  "function central.plan_operator_action": { operator: "execute" },
  "function central.prune_ledger": { consumer: "execute" },
  "function central.raise_operator_action_claim": { operator: "execute" },
  "function central.record_changes": { auditor: "execute" },
  "function central.record_failures": { consumer: "execute" },
  "function central.register_source": { consumer: "execute" },
  "function central.report_capture_fault": { auditor: "execute" },
  "function central.report_capture_loss": { auditor: "execute" },
  "function central.release_operator_action": { operator: "execute" },
  "function central.report_operator_action": { operator: "execute" },
  "function central.report_archive_check": { consumer: "execute" },
  "function central.report_consumer": { consumer: "execute" },
  "function central.report_readiness": { consumer: "execute" },
  "function central.retire_consumer": { consumer: "execute" },
  "function central.store_facts": {},
  "partition of central.change_log": {},
};

export const rights = { singularity, central } as const;

/** What is given on objects of the future: a queue that is made anew by pgmq alone. */
export const futureRights = {
  singularity: ["tables in pgmq: select insert update delete to centralcloud_owner"],
  central: [],
} as const;
