import { mutantsByRule, mutantsOfGrants } from "../rules.mjs";

/** Which tests should notice a mistake in which object. */
const objects = {
  "central/functions/prune_ledger": ["test:consumer/ledger", "test:races/pairs"],
  "central/functions/look_up_deliveries": ["test:consumer/ledger", "test:dlq/replay.test"],
  "central/functions/merge_patterns": [
    "test:properties/merges",
    "test:properties/merge-locks",
    "test:properties/folded-patterns",
  ],
  "central/functions/merge_sessions": ["test:properties/merges", "test:properties/merge-locks"],
  "central/functions/merge_knowledge": ["test:properties/merges", "test:properties/merge-locks"],
  "central/functions/find_missing_messages": ["test:consumer/archive-comparison"],
  "central/functions/confirm_epoch": ["test:consumer/archive-comparison"],
  "central/functions/doubt_epoch": ["test:consumer/archive-comparison"],
  "central/functions/begin_epoch": ["test:consumer/archive-comparison"],
  "central/functions/record_failures": ["test:consumer/attempts"],
  "central/functions/forget_failures": ["test:consumer/attempts"],
  "central/functions/record_changes": ["test:cdc/change-log", "test:cdc/interruptions"],
  "central/functions/begin_capture": ["test:cdc/lost-slot"],
  "central/functions/advance_capture_cursor": ["test:cdc/restarts", "test:cdc/heartbeat"],
  "central/functions/maintain_change_log": ["test:cdc/change-log"],
  "central/functions/register_source": ["test:consumer/identity"],
  "central/functions/report_consumer": ["test:cli/held-keys", "test:consumer/replicas"],
  "central/functions/raise_operator_action_claim": ["test:dlq/lost-actions"],
  "central/functions/claim_captured_source": ["test:cdc/captured-identity"],
  "central/functions/claim_operator_action": [
    "test:dlq/action-states",
    "test:dlq/actions",
    "test:dlq/late-runners",
  ],
  "central/functions/plan_operator_action": ["test:dlq/action-states", "test:dlq/actions"],
  "central/functions/report_operator_action": ["test:dlq/action-states", "test:dlq/actions"],
  "singularity/functions/count_action_part": ["test:cli/people", "test:dlq/actions"],
  "singularity/functions/discard_dead_letters": ["test:dlq/restore", "test:dlq/list"],
  "singularity/functions/restore_dead_letters": ["test:dlq/restore"],
  "singularity/functions/dead_letter_fingerprint": ["test:dlq/groups"],
  "singularity/functions/assign_pending_tasks": ["test:singularity/assignment", "test:races/pairs"],
  "singularity/functions/learn_results_together": [
    "test:singularity/learning",
    "test:singularity/odd-rows-of-applications",
  ],
  "singularity/functions/learn_next_results": ["test:singularity/learning"],
  "singularity/functions/manually_learn_analysis": ["test:singularity/learning"],
  "singularity/functions/update_agent_knowledge": ["test:singularity/knowledge"],
  "singularity/functions/queue_unsynced_patterns": ["test:singularity/sync"],
  "singularity/functions/queue_unsynced_sessions": ["test:singularity/sync"],
  "singularity/functions/mark_delivered_batches": ["test:singularity/sync"],
  "singularity/functions/persist_agent_session": [
    "test:singularity/sessions",
    "test:singularity/sessions-beside-triggers",
  ],
  "singularity/functions/persist_new_sessions": ["test:singularity/sessions"],
  "singularity/functions/queue_agent_sessions": ["test:singularity/sessions"],
  "singularity/functions/queue_sessions_together": [
    "test:singularity/sessions",
    "test:singularity/sessions-beside-triggers",
  ],
  "singularity/functions/run_job_step": [
    "test:singularity/jobs.test",
    "test:singularity/job-steps",
  ],
  "singularity/functions/archive_completed_tasks": ["test:singularity/retention"],
  "singularity/functions/cleanup_sync_logs": ["test:singularity/retention"],
  "singularity/functions/cleanup_queue_archives": ["test:singularity/retention"],
  "singularity/functions/cleanup_job_runs": ["test:singularity/retention"],
  "singularity/functions/notify_idle_consumers": ["test:lane/idle-watch"],
  "singularity/functions/add_session_key": ["test:singularity/session-keys"],
  "singularity/functions/find_session_messages": ["test:trace/sessions", "test:trace/sources"],
  "singularity/functions/examine_captured_tables": ["test:cdc/unfit-tables"],
};

/** Read with the code beside it: nobody can tell these from it. */
const equivalent = {};

const rights = ["test:rights/rights"];

export default [
  ...mutantsByRule(objects, equivalent),
  ...mutantsOfGrants("singularity/grants", rights),
  ...mutantsOfGrants("central/grants", rights),
  {
    name: "sql-jobs-read-sessions",
    in: "sql/singularity/grants/centralcloud_jobs.sql",
    search:
      "grant select on public.job_times, public.scheduled_jobs_status, public.singularity_source",
    replace:
      "grant select on public.agent_sessions, public.job_times, public.scheduled_jobs_status, public.singularity_source",
    wrong: "the login of the job runner can read what agents keep in their sessions",
    tests: rights,
  },
  {
    name: "sql-gap-is-empty",
    in: "sql/central/functions/begin_capture.sql",
    search: "'from', '0/0'::pg_lsn + v_from::numeric,",
    replace: "'from', '0/0'::pg_lsn + p_lsn::numeric,",
    wrong: "the mark of a gap says that nothing was missed",
    tests: ["test:cdc/marks"],
  },
  {
    name: "sql-restart-is-another-server",
    in: "sql/central/functions/judge_source.sql",
    search: "or p_started_at <= v_source.server_started_at) then",
    replace: "or p_started_at is not null) then",
    wrong: "a restart is refused to each replica but the last one that notices it",
    tests: ["test:consumer/source-verdicts"],
  },
  {
    name: "sql-captured-server-is-forgotten",
    in: "sql/central/functions/judge_source.sql",
    search: "v_timeline := greatest(v_timeline, v_cursor.timeline);",
    replace: "v_timeline := coalesce(v_timeline, v_cursor.timeline);",
    wrong: "an old primary is consumed and captured again once its promoted standby was captured",
    tests: ["test:consumer/source-verdicts"],
  },
  {
    name: "sql-copy-of-files-is-a-restart",
    in: "sql/central/functions/judge_source.sql",
    search:
      "elsif not v_is_known_address and p_timeline is not distinct from v_source.timeline then",
    replace: "elsif not v_is_known_address and p_started_at < v_source.server_started_at then",
    wrong: "a copy of a server's files takes the id of the original",
    tests: ["test:consumer/source-verdicts"],
  },
  {
    name: "sql-operator-says-others-figures",
    in: "sql/central/functions/report_operator_action.sql",
    search: "and e.login = session_user)",
    replace: "and e.login is not null)",
    wrong: "an operator can say the figures of an action that another one runs",
    tests: ["test:cli/people an operator"],
  },
  {
    name: "sql-operator-opens-any-queue",
    in: "sql/singularity/functions/open_action_part.sql",
    search: "if p_queue not in (",
    replace: "if p_queue || '' is null and p_queue not in (",
    wrong: "an operator moves messages of queues that are not ours",
    tests: ["test:cli/people an operator"],
  },
  {
    name: "sql-viewer-reads-sessions",
    in: "sql/singularity/functions/grant_queue.sql",
    search: "and p_queue = 'agent-sessions';",
    replace: "and p_queue = 'agent-sessions-dlq';",
    wrong: "a viewer reads the seals and plain states of sessions in their queue",
    tests: rights,
  },
  {
    name: "sql-auditor-claims-sources",
    in: "sql/central/grants/centralcloud_auditor.sql",
    search: "central.begin_capture(uuid,",
    replace:
      "central.claim_source(uuid, text, text, bigint, integer, timestamptz, text, text[], uuid),\n                 central.begin_capture(uuid,",
    wrong: "a capture's login can stop the lanes of any source",
    tests: rights,
  },
];
