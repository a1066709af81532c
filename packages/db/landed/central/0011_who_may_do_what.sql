begin;

  create schema if not exists centralcloud_migrations;
  create table if not exists centralcloud_migrations.migrations (
    plane text not null,
    name text not null,
    created_at bigint not null,
    applied_at timestamptz not null default now(),
    primary key (plane, name)
  );
  create table if not exists centralcloud_migrations.objects (
    plane text primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
  );
  create table if not exists centralcloud_migrations.comparisons (
    plane text primary key,
    build text not null,
    digest text not null,
    compared_at timestamptz not null default now()
  );
set local search_path = public;
CREATE SCHEMA IF NOT EXISTS "central";

CREATE TABLE "central"."agent_knowledge" (
	"source_id" uuid NOT NULL,
	"agent_id" text NOT NULL,
	"pattern_count" bigint NOT NULL,
	"confidence" numeric NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "agent_knowledge_source_id_agent_id_pk" PRIMARY KEY("source_id","agent_id"),
	CONSTRAINT "pattern_count_is_not_negative" CHECK ("central"."agent_knowledge"."pattern_count" >= 0),
	CONSTRAINT "confidence_is_a_probability" CHECK ("central"."agent_knowledge"."confidence" between 0 and 1)
);

CREATE TABLE "central"."agent_sessions" (
	"source_id" uuid NOT NULL,
	"session_id" text NOT NULL,
	"agent_id" text NOT NULL,
	"confidence" numeric NOT NULL,
	"session_state" jsonb,
	"sealed" jsonb,
	"ulid" text,
	"synced_at" timestamp with time zone NOT NULL,
	"message_hash" "bytea" NOT NULL,
	CONSTRAINT "agent_sessions_source_id_session_id_pk" PRIMARY KEY("source_id","session_id"),
	CONSTRAINT "confidence_is_a_probability" CHECK ("central"."agent_sessions"."confidence" between 0 and 1),
	CONSTRAINT "a_session_is_plain_or_sealed" CHECK (("central"."agent_sessions"."session_state" is null) <> ("central"."agent_sessions"."sealed" is null))
);

CREATE TABLE "central"."change_log" (
	"source_id" uuid NOT NULL,
	"lsn" bigint NOT NULL,
	"ordinal" integer NOT NULL,
	"xid" bigint NOT NULL,
	"committed_at" timestamp with time zone NOT NULL,
	"table_name" text NOT NULL,
	"operation" text NOT NULL,
	"key" jsonb,
	"old_values" jsonb,
	"new_values" jsonb,
	CONSTRAINT "change_log_source_id_lsn_ordinal_pk" PRIMARY KEY("source_id","lsn","ordinal"),
	CONSTRAINT "operation_is_known" CHECK ("central"."change_log"."operation" in ('insert', 'update', 'delete', 'truncate'))
);

CREATE TABLE "central"."consumers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"version" text NOT NULL,
	"host" text NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_seen_at" timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE "central"."delivery_failures" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "central"."delivery_failures_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"lane_id" integer NOT NULL,
	"msg_id" bigint NOT NULL,
	"enqueued_at" timestamp with time zone NOT NULL,
	"consumer_id" uuid,
	"error_code" text NOT NULL,
	"error_message" text NOT NULL,
	"failed_at" timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE "central"."knowledge_summaries" (
	"source_id" uuid NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"agents_updated" bigint NOT NULL,
	"total_patterns" bigint NOT NULL,
	CONSTRAINT "knowledge_summaries_source_id_updated_at_pk" PRIMARY KEY("source_id","updated_at"),
	CONSTRAINT "counts_are_not_negative" CHECK ("central"."knowledge_summaries"."agents_updated" >= 0 and "central"."knowledge_summaries"."total_patterns" >= 0)
);

CREATE TABLE "central"."lanes" (
	"lane_id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "central"."lanes_lane_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"source_id" uuid NOT NULL,
	"queue" text NOT NULL,
	CONSTRAINT "lanes_source_id_queue_key" UNIQUE("source_id","queue")
);

CREATE TABLE "central"."operator_actions" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "central"."operator_actions_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"reason" text NOT NULL,
	"selection" jsonb NOT NULL,
	"message_count" integer NOT NULL,
	"dry_run" boolean DEFAULT false NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone,
	CONSTRAINT "a_reason_is_given" CHECK ("central"."operator_actions"."reason" <> '')
);

CREATE TABLE "central"."pattern_agents" (
	"fingerprint" "bytea" NOT NULL,
	"source_id" uuid NOT NULL,
	"agent_id" text NOT NULL,
	"observation_count" bigint NOT NULL,
	"last_learned_at" timestamp with time zone NOT NULL,
	CONSTRAINT "pattern_agents_fingerprint_source_id_agent_id_pk" PRIMARY KEY("fingerprint","source_id","agent_id"),
	CONSTRAINT "a_pattern_was_observed" CHECK ("central"."pattern_agents"."observation_count" > 0)
);

CREATE TABLE "central"."pattern_sources" (
	"fingerprint" "bytea" NOT NULL,
	"source_id" uuid NOT NULL,
	CONSTRAINT "pattern_sources_fingerprint_source_id_pk" PRIMARY KEY("fingerprint","source_id")
);

CREATE TABLE "central"."patterns" (
	"fingerprint" "bytea" PRIMARY KEY NOT NULL,
	"pattern" jsonb NOT NULL,
	"observation_count" bigint NOT NULL,
	"agent_count" integer DEFAULT 0 NOT NULL,
	"source_count" integer DEFAULT 0 NOT NULL,
	"confidence_max" numeric NOT NULL,
	"confidence_sum" numeric NOT NULL,
	"confidence_mean" numeric GENERATED ALWAYS AS (confidence_sum / observation_count) STORED NOT NULL,
	"first_learned_at" timestamp with time zone NOT NULL,
	"last_learned_at" timestamp with time zone NOT NULL,
	CONSTRAINT "pattern_is_an_object" CHECK (jsonb_typeof("central"."patterns"."pattern") = 'object'),
	CONSTRAINT "a_pattern_was_observed" CHECK ("central"."patterns"."observation_count" > 0),
	CONSTRAINT "confidence_is_a_probability" CHECK ("central"."patterns"."confidence_max" between 0 and 1),
	CONSTRAINT "first_comes_before_last" CHECK ("central"."patterns"."first_learned_at" <= "central"."patterns"."last_learned_at")
);

CREATE TABLE "central"."processed_messages" (
	"lane_id" integer NOT NULL,
	"msg_id" bigint NOT NULL,
	"enqueued_at" timestamp with time zone NOT NULL,
	"processed_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "processed_messages_lane_id_msg_id_enqueued_at_pk" PRIMARY KEY("lane_id","msg_id","enqueued_at")
);

CREATE TABLE "central"."sources" (
	"source_id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"first_seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_seen_at" timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE "central"."delivery_failures" ADD CONSTRAINT "delivery_failures_lane_id_lanes_lane_id_fk" FOREIGN KEY ("lane_id") REFERENCES "central"."lanes"("lane_id") ON DELETE no action ON UPDATE no action;

ALTER TABLE "central"."lanes" ADD CONSTRAINT "lanes_source_id_sources_source_id_fk" FOREIGN KEY ("source_id") REFERENCES "central"."sources"("source_id") ON DELETE no action ON UPDATE no action;

CREATE INDEX "agent_sessions_agent_id_idx" ON "central"."agent_sessions" USING btree ("agent_id");

CREATE INDEX "delivery_failures_message_idx" ON "central"."delivery_failures" USING btree ("lane_id","msg_id","enqueued_at","failed_at");

CREATE INDEX "patterns_consensus_idx" ON "central"."patterns" USING btree ("fingerprint") WHERE "central"."patterns"."source_count" >= 3;
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('central', '0000_create_the_central_tables', 1795488046732);
CREATE TABLE "central"."pruned_ranges" (
	"lane_id" integer NOT NULL,
	"first_msg_id" bigint NOT NULL,
	"last_msg_id" bigint NOT NULL,
	"first_enqueued_at" timestamp with time zone NOT NULL,
	"last_enqueued_at" timestamp with time zone NOT NULL,
	CONSTRAINT "pruned_ranges_lane_id_first_msg_id_first_enqueued_at_pk" PRIMARY KEY("lane_id","first_msg_id","first_enqueued_at"),
	CONSTRAINT "first_comes_before_last" CHECK ("central"."pruned_ranges"."first_msg_id" <= "central"."pruned_ranges"."last_msg_id" and "central"."pruned_ranges"."first_enqueued_at" <= "central"."pruned_ranges"."last_enqueued_at")
);

CREATE TABLE "central"."capture_cursors" (
	"source_id" uuid PRIMARY KEY NOT NULL,
	"slot_name" text NOT NULL,
	"plugin" text NOT NULL,
	"system_id" text NOT NULL,
	"timeline" integer NOT NULL,
	"lsn" bigint NOT NULL,
	"source_time" timestamp with time zone NOT NULL,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"reader" text NOT NULL
);

-- A plain table can't become a partitioned one. What it holds goes into a partition for each day.
ALTER TABLE "central"."change_log" RENAME TO "change_log_unpartitioned";

CREATE TABLE "central"."change_log" (
	"source_id" uuid NOT NULL,
	"lsn" bigint NOT NULL,
	"ordinal" integer NOT NULL,
	"xid" bigint,
	"committed_at" timestamp with time zone NOT NULL,
	"table_name" text NOT NULL,
	"operation" text NOT NULL,
	"key" jsonb,
	"old_values" jsonb,
	"new_values" jsonb,
	"unchanged" text[],
	"agent_id" text,
	CONSTRAINT "change_log_source_id_lsn_ordinal_committed_at_pk" PRIMARY KEY("source_id","lsn","ordinal","committed_at"),
	CONSTRAINT "operation_is_known" CHECK ("operation" in ('insert', 'update', 'delete', 'truncate', 'snapshot', 'begin', 'gap', 'end'))
) PARTITION BY RANGE ("committed_at");

DO $$
DECLARE
	v_day date;
BEGIN
	FOR v_day IN SELECT DISTINCT (committed_at AT TIME ZONE 'UTC')::date FROM central.change_log_unpartitioned LOOP
		EXECUTE format(
			'CREATE TABLE central.%I PARTITION OF central.change_log FOR VALUES FROM (%L) TO (%L)',
			'change_log_' || to_char(v_day, 'YYYYMMDD'),
			to_char(v_day, 'YYYY-MM-DD') || ' 00:00:00+00',
			to_char(v_day + 1, 'YYYY-MM-DD') || ' 00:00:00+00'
		);
	END LOOP;
END
$$;

INSERT INTO central.change_log (source_id, lsn, ordinal, xid, committed_at, table_name, operation, key, old_values, new_values, agent_id)
SELECT source_id, lsn, ordinal, xid, committed_at, table_name, operation, key, old_values, new_values,
       coalesce(new_values ->> 'agent_id', old_values ->> 'agent_id', key ->> 'agent_id')
  FROM central.change_log_unpartitioned;

DROP TABLE "central"."change_log_unpartitioned";

CREATE INDEX "change_log_agent_id_idx" ON "central"."change_log" USING btree ("agent_id","committed_at") WHERE "central"."change_log"."agent_id" is not null;

CREATE INDEX "change_log_key_idx" ON "central"."change_log" USING hash ("key");

CREATE INDEX "change_log_committed_at_idx" ON "central"."change_log" USING btree ("committed_at");
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('central', '0001_prune_the_ledger_and_partition_the_change_log', 1795540251848);
-- What merges take first, so that none is in the middle of its tables.
LOCK TABLE "central"."processed_messages", "central"."pattern_agents", "central"."pattern_sources", "central"."patterns" IN ACCESS EXCLUSIVE MODE;

ALTER TABLE "central"."patterns" ADD COLUMN "source_ids" uuid[] DEFAULT '{}' NOT NULL;

UPDATE "central"."patterns" p SET source_ids = s.ids, source_count = cardinality(s.ids)
  FROM (
    SELECT k.fingerprint, coalesce(array_agg(o.source_id ORDER BY o.source_id) FILTER (WHERE o.source_id IS NOT NULL), '{}') AS ids
      FROM "central"."patterns" k LEFT JOIN "central"."pattern_sources" o USING (fingerprint)
     GROUP BY k.fingerprint
  ) s
 WHERE s.fingerprint = p.fingerprint;

DROP TABLE "central"."pattern_sources";

ALTER TABLE "central"."patterns" ADD CONSTRAINT "sources_are_counted" CHECK ("central"."patterns"."source_count" = cardinality("central"."patterns"."source_ids"));
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('central', '0002_keep_sources_in_patterns', 1795546811661);
ALTER TABLE "central"."capture_cursors" ADD COLUMN "publication_id" bigint;

ALTER TABLE "central"."capture_cursors" ADD COLUMN "lost_reason" text;

-- Each has a parameter more; beside the one before, a call would be ambiguous.
DROP FUNCTION IF EXISTS "central"."begin_capture"(uuid, text, text, text, text, integer, bigint, timestamptz, text, text);

DROP FUNCTION IF EXISTS "central"."advance_capture_cursor"(uuid, bigint, timestamptz, integer, text);
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('central', '0003_say_why_a_capture_is_lost', 1795955693232);
ALTER TABLE "central"."capture_cursors" ADD COLUMN "fault" text;
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('central', '0004_say_what_a_capture_is_stuck_at', 1795958188826);
ALTER TABLE "central"."consumers" ADD COLUMN "held_keys" jsonb;

-- It has a parameter more; beside the one before, a call would be ambiguous.
DROP FUNCTION IF EXISTS "central"."report_consumer"(uuid, text, text);
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('central', '0005_say_which_keys_a_consumer_holds', 1795959576160);
CREATE TABLE "central"."operator_action_events" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "central"."operator_action_events_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"action_id" bigint NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"event" text NOT NULL,
	"actor" text NOT NULL,
	"login" text NOT NULL,
	"detail" jsonb NOT NULL
);

CREATE TABLE "central"."operator_action_parts" (
	"action_id" bigint NOT NULL,
	"source_id" uuid NOT NULL,
	"source_name" text NOT NULL,
	"queue" text NOT NULL,
	"selection" jsonb NOT NULL,
	"expected_count" bigint NOT NULL,
	"moved_count" bigint NOT NULL,
	"merged_count" bigint NOT NULL,
	"refused_count" bigint NOT NULL,
	"remaining_count" bigint,
	"detail" jsonb NOT NULL,
	"cursor_at" timestamp with time zone,
	"cursor_id" bigint,
	"started_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	CONSTRAINT "operator_action_parts_action_id_source_id_queue_pk" PRIMARY KEY("action_id","source_id","queue")
);

ALTER TABLE "central"."operator_actions" ADD COLUMN "action_key" uuid DEFAULT gen_random_uuid() NOT NULL;

ALTER TABLE "central"."operator_actions" ADD COLUMN "state" text DEFAULT 'planned' NOT NULL;

ALTER TABLE "central"."operator_actions" ADD COLUMN "login" text;

ALTER TABLE "central"."operator_actions" ADD COLUMN "os_user" text;

ALTER TABLE "central"."operator_actions" ADD COLUMN "channel" text;

ALTER TABLE "central"."operator_actions" ADD COLUMN "expected_count" bigint;

ALTER TABLE "central"."operator_actions" ADD COLUMN "rate" double precision;

ALTER TABLE "central"."operator_actions" ADD COLUMN "canary_count" integer;

ALTER TABLE "central"."operator_actions" ADD COLUMN "canary_state" text;

ALTER TABLE "central"."operator_actions" ADD COLUMN "idempotency_key" text;

ALTER TABLE "central"."operator_actions" ADD COLUMN "error" text;

ALTER TABLE "central"."operator_actions" ADD COLUMN "runner" text;

ALTER TABLE "central"."operator_actions" ADD COLUMN "lease_until" timestamp with time zone;

ALTER TABLE "central"."operator_action_events" ADD CONSTRAINT "operator_action_events_action_id_operator_actions_id_fk" FOREIGN KEY ("action_id") REFERENCES "central"."operator_actions"("id") ON DELETE cascade ON UPDATE no action;

ALTER TABLE "central"."operator_action_parts" ADD CONSTRAINT "operator_action_parts_action_id_operator_actions_id_fk" FOREIGN KEY ("action_id") REFERENCES "central"."operator_actions"("id") ON DELETE cascade ON UPDATE no action;

CREATE INDEX "operator_action_events_action_id_idx" ON "central"."operator_action_events" USING btree ("action_id","id");

ALTER TABLE "central"."operator_actions" ADD CONSTRAINT "operator_actions_action_key_key" UNIQUE("action_key");

ALTER TABLE "central"."operator_actions" ADD CONSTRAINT "operator_actions_idempotency_key_key" UNIQUE("idempotency_key");

ALTER TABLE "central"."operator_actions" ADD CONSTRAINT "state_is_known" CHECK ("central"."operator_actions"."state" in ('planned', 'running', 'paused', 'cancelled', 'done', 'failed'));

ALTER TABLE "central"."operator_actions" ADD CONSTRAINT "rate_is_positive" CHECK ("central"."operator_actions"."rate" > 0);

-- Actions of before: what did not come to its end can't be gone on with.
UPDATE "central"."operator_actions"
   SET "state" = CASE WHEN "finished_at" IS NULL THEN 'failed' ELSE 'done' END;
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('central', '0006_make_actions_durable', 1795979901761);
ALTER TABLE "central"."consumers" ADD COLUMN "opens_bound_seals" boolean DEFAULT false NOT NULL;

-- It has a parameter more; beside the one before, a call would be ambiguous.
DROP FUNCTION IF EXISTS "central"."report_consumer"(uuid, text, text, jsonb);
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('central', '0007_bind_seals_to_their_session', 1795982336031);
ALTER TABLE "central"."consumers" ADD COLUMN "sources" jsonb;

ALTER TABLE "central"."sources" ADD COLUMN "system_id" text;

ALTER TABLE "central"."sources" ADD COLUMN "database_oid" bigint;

ALTER TABLE "central"."sources" ADD COLUMN "timeline" integer;

ALTER TABLE "central"."sources" ADD COLUMN "server_started_at" timestamp with time zone;

ALTER TABLE "central"."sources" ADD COLUMN "addresses" text[] DEFAULT '{}' NOT NULL;

ALTER TABLE "central"."sources" ADD COLUMN "decision" text;

ALTER TABLE "central"."sources" ADD COLUMN "decided_by" text;

ALTER TABLE "central"."sources" ADD COLUMN "decided_at" timestamp with time zone;
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('central', '0008_know_sources_by_their_server', 1795984688910);
UPDATE "central"."sources" SET "name" = left("name", 200) WHERE length("name") > 200;

ALTER TABLE "central"."sources" ADD CONSTRAINT "name_is_not_too_long" CHECK (length("central"."sources"."name") <= 200);
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('central', '0009_bound_the_names_of_sources', 1795986271046);
CREATE TABLE "central"."archive_checks" (
	"source_id" uuid NOT NULL,
	"queue" text NOT NULL,
	"epoch_id" bigint NOT NULL,
	"from_at" timestamp with time zone,
	"until_at" timestamp with time zone,
	"missing_since" timestamp with time zone,
	"missing_count" integer DEFAULT 0 NOT NULL,
	"is_at_least" boolean DEFAULT false NOT NULL,
	"problem" text,
	"compared_at" timestamp with time zone,
	"runner" uuid,
	"lease_until" timestamp with time zone,
	CONSTRAINT "archive_checks_source_id_queue_pk" PRIMARY KEY("source_id","queue"),
	CONSTRAINT "missing_messages_are_counted" CHECK (("central"."archive_checks"."missing_since" is null) = ("central"."archive_checks"."missing_count" = 0) and "central"."archive_checks"."missing_count" >= 0)
);

CREATE TABLE "central"."archive_watermarks" (
	"source_id" uuid PRIMARY KEY NOT NULL,
	"stored_until" timestamp with time zone NOT NULL,
	"noted_at" timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE "central"."epochs" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "central"."epochs_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"began_at" timestamp with time zone DEFAULT now() NOT NULL,
	"reason" text NOT NULL,
	"is_quiet" boolean NOT NULL,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"system_id" text,
	"timeline" integer,
	"server_started_at" timestamp with time zone NOT NULL,
	"recovered_at" timestamp with time zone,
	"database_oid" bigint NOT NULL,
	"ledger_file" bigint NOT NULL
);

ALTER TABLE "central"."consumers" ADD COLUMN "beat" bigint DEFAULT 0;

ALTER TABLE "central"."operator_actions" ADD COLUMN "claim_count" integer DEFAULT 0 NOT NULL;

-- It gives the number of the claim, too.
DROP FUNCTION IF EXISTS "central"."claim_operator_action"(bigint, text, interval);

-- It takes messages that the consumer has taken apart, too.
DROP FUNCTION IF EXISTS "central"."merge_patterns"(uuid, text, bigint[], timestamptz[], jsonb);
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('central', '0010_number_the_claims_of_actions', 1796027289571);
ALTER TABLE "central"."consumers" ADD COLUMN "readiness" jsonb;

ALTER TABLE "central"."consumers" ADD COLUMN "readiness_at" timestamp with time zone;

CREATE INDEX "change_log_marks_idx" ON "central"."change_log" USING btree ("source_id","committed_at") WHERE "central"."change_log"."table_name" = '*';
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('central', '0011_who_may_do_what', 1796063895205);
set local check_function_bodies = off;
-- Who reads changes from the write-ahead log (change data capture) and writes them down centrally.
-- Roles belong to the server: another database of it may be making this one at the same moment.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_auditor') is null then
    create role centralcloud_auditor nologin;
  end if;
exception
  when duplicate_object or unique_violation then
    null;
  when insufficient_privilege then
    raise warning '% may not make the role centralcloud_auditor: %', current_user, sqlerrm
      using errcode = '01007'; -- warning_privilege_not_granted
end
$$;

-- A slot may be made and read by this attribute only. It is not inherited: a login needs it itself, or
-- "set role centralcloud_auditor".
do $$
begin
  if exists (select from pg_catalog.pg_roles r where r.rolname = 'centralcloud_auditor' and not r.rolreplication) then
    alter role centralcloud_auditor replication;
  end if;
exception
  when insufficient_privilege then
    raise warning '% may not let the role centralcloud_auditor replicate: %', current_user, sqlerrm
      using errcode = '01007'; -- warning_privilege_not_granted
  when internal_error then
    -- "tuple concurrently updated": the other database did it.
    null;
end
$$;
-- What the consumer may do: take messages from the queues of a source, and merge them centrally.
-- Roles belong to the server: another database of it may be making this one at the same moment.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_consumer') is null then
    create role centralcloud_consumer nologin;
  end if;
exception
  when duplicate_object or unique_violation then
    null;
  when insufficient_privilege then
    raise warning '% may not make the role centralcloud_consumer: %', current_user, sqlerrm
      using errcode = '01007'; -- warning_privilege_not_granted
end
$$;
-- Who acts at night: replays, discards and restores dead letters, runs jobs, decides about sources, and sees what a
-- viewer sees. It changes rows through functions only, which write down who did it.
-- Roles belong to the server: another database of it may be making this one at the same moment.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_operator') is null then
    create role centralcloud_operator nologin;
  end if;
exception
  when duplicate_object or unique_violation then
    null;
  when insufficient_privilege then
    raise warning '% may not make the role centralcloud_operator: %', current_user, sqlerrm
      using errcode = '01007'; -- warning_privilege_not_granted
end
$$;
-- Who looks, and changes nothing: queues, jobs, dead letters, actions and what the central store has, without the states of
-- sessions and their seals. A login of a person, or of a console that only shows.
-- Roles belong to the server: another database of it may be making this one at the same moment.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_viewer') is null then
    create role centralcloud_viewer nologin;
  end if;
exception
  when duplicate_object or unique_violation then
    null;
  when insufficient_privilege then
    raise warning '% may not make the role centralcloud_viewer: %', current_user, sqlerrm
      using errcode = '01007'; -- warning_privilege_not_granted
end
$$;
-- Owns every object of ours in both databases. Nobody logs in as it; whoever migrates is a member of it.
-- Roles belong to the server: another database of it may be making this one at the same moment.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_owner') is null then
    create role centralcloud_owner nologin;
  end if;
exception
  when duplicate_object or unique_violation then
    null;
  when insufficient_privilege then
    raise warning '% may not make the role centralcloud_owner: %', current_user, sqlerrm
      using errcode = '01007'; -- warning_privilege_not_granted
end
$$;

-- Who made a role may grant it, and from PostgreSQL 16 on is no member of it until it does.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_owner') is not null
     and not pg_catalog.pg_has_role(current_user, 'centralcloud_owner', 'usage') then
    execute 'grant centralcloud_owner to current_user'
      || case when pg_catalog.current_setting('server_version_num')::integer >= 160000
              then ' with inherit true, set true' else '' end;
  end if;
exception
  when insufficient_privilege then
    raise warning '% may not act as the role centralcloud_owner: %', current_user, sqlerrm
      using errcode = '01007'; -- warning_privilege_not_granted
  when unique_violation or internal_error then
    null;
end
$$;
-- An operator's decision: the database at p_address is the source of this id from now on, whatever was known before.
-- Consumers that work on another server of the id stop within seconds; the one that is named goes on by itself.
-- p_decision: `adopted`, or `renewed` for a copy that has got an id of its own. For operators: whoever decides is named.
-- Idempotent. Locks: the row of sources.
create or replace function central.adopt_source(
  p_source_id uuid,
  p_name text,
  p_system_id text,
  p_database_oid bigint,
  p_timeline integer,
  p_started_at timestamptz,
  p_address text,
  p_decision text,
  p_actor text
)
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  insert into central.sources as s
    (source_id, name, system_id, database_oid, timeline, server_started_at, addresses, decision, decided_by, decided_at)
  values (p_source_id, p_name, p_system_id, p_database_oid, p_timeline, p_started_at, array[p_address],
          p_decision, p_actor, pg_catalog.clock_timestamp())
  on conflict (source_id) do update
    set name = excluded.name,
        system_id = excluded.system_id,
        database_oid = excluded.database_oid,
        timeline = excluded.timeline,
        server_started_at = excluded.server_started_at,
        addresses = excluded.addresses,
        decision = excluded.decision,
        decided_by = excluded.decided_by,
        decided_at = excluded.decided_at;
$$;
revoke execute
   on function central.adopt_source(uuid, text, text, bigint, integer, timestamptz, text, text, text)
 from public;
-- Says that everything of a source before p_lsn is in the change log, and that its reader lives. Never goes
-- back on the same timeline, so that a reader which was replaced without noticing does no harm.
-- p_publication_id is kept where none is known: for captures that began before it was kept.
-- Fails where nothing is captured of the source (P0001): whoever ended it meant it.
-- With its owner's rights: who captures may not write to the table itself.
-- Locks: the row of capture_cursors.
create or replace function central.advance_capture_cursor(
  p_source_id uuid,
  p_lsn bigint,
  p_source_time timestamptz,
  p_timeline integer,
  p_reader text,
  p_publication_id bigint default null
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update central.capture_cursors c
     set lsn = case when c.timeline = p_timeline then greatest(c.lsn, p_lsn) else p_lsn end,
         -- It has gone on.
         fault = case when p_lsn > c.lsn then null else c.fault end,
         source_time = greatest(c.source_time, p_source_time),
         timeline = p_timeline,
         seen_at = pg_catalog.clock_timestamp(),
         reader = p_reader,
         publication_id = coalesce(c.publication_id, p_publication_id)
   where c.source_id = p_source_id;
  if not found then
    raise exception 'the capture of source % has been ended', p_source_id;
  end if;
end
$$;
revoke execute on function central.advance_capture_cursor(uuid, bigint, timestamptz, integer, text, bigint) from public;
-- Begins the capture of a source at p_lsn, with the slot that was just made there, and marks it in the log:
-- `begin` where nothing was captured of it, or `gap` where something was, with what lies between. A fresh
-- snapshot, if one is wanted, is entered in the same transaction with ordinals from 1.
-- p_publication_id is that of the publication which the slot depends on, where its output plugin has one.
-- With its owner's rights: who captures may not write to the tables itself.
-- Locks: the row of sources; the row of capture_cursors; then as record_changes.
create or replace function central.begin_capture(
  p_source_id uuid,
  p_source_name text,
  p_slot_name text,
  p_plugin text,
  p_system_id text,
  p_timeline integer,
  p_lsn bigint,
  p_source_time timestamptz,
  p_reader text,
  p_reason text default null,
  p_publication_id bigint default null
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_from bigint;
begin
  perform central.register_source(p_source_id, p_source_name);
  select c.lsn into v_from from central.capture_cursors c where c.source_id = p_source_id for update;

  insert into central.capture_cursors as c
    (source_id, slot_name, plugin, system_id, timeline, lsn, source_time, reader, publication_id)
  values (p_source_id, p_slot_name, p_plugin, p_system_id, p_timeline, p_lsn, p_source_time, p_reader,
          p_publication_id)
  on conflict (source_id) do update
    set slot_name = excluded.slot_name,
        plugin = excluded.plugin,
        system_id = excluded.system_id,
        timeline = excluded.timeline,
        lsn = excluded.lsn,
        source_time = excluded.source_time,
        seen_at = pg_catalog.clock_timestamp(),
        reader = excluded.reader,
        publication_id = excluded.publication_id,
        lost_reason = null,
        fault = null;

  perform central.mark_change_log(
    p_source_id,
    case when v_from is null then 'begin' else 'gap' end,
    p_lsn,
    p_source_time,
    pg_catalog.jsonb_build_object(
      'from', '0/0'::pg_lsn + v_from::numeric,
      'to', '0/0'::pg_lsn + p_lsn::numeric,
      'slot', p_slot_name,
      'plugin', p_plugin,
      'reason', p_reason,
      'by', p_reader
    )
  );
end
$$;
revoke execute
   on function central.begin_capture(uuid, text, text, text, text, integer, bigint, timestamptz, text, text, bigint)
 from public;
-- Begins a new epoch of the store, for a reason that doubt_epoch gave: every archive that was ever compared is to be compared again,
-- from the time until which the store, as it is now, is known to have everything; or from an earlier time that still
-- waits to be compared. What consumers remember counts from here on.
-- p_queues: the queues of a source.
-- Called by confirm_epoch, which has the lock on epochs.
-- Locks: archive_watermarks, so that nobody moves one on meanwhile; rows of archive_checks, by key; rows of consumers,
-- but none that somebody has locked: such a consumer begins another epoch, which does no harm.
create or replace function central.begin_epoch(p_reason text, p_is_quiet boolean, p_queues text[])
returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id bigint;
begin
  lock table central.archive_watermarks in share row exclusive mode;

  insert into central.epochs
    (reason, is_quiet, system_id, timeline, server_started_at, recovered_at, database_oid, ledger_file)
  select p_reason, p_is_quiet, f.system_id, f.timeline, f.server_started_at, f.recovered_at, f.database_oid,
         f.ledger_file
    from central.store_facts() f
  returning id into v_id;
  delete from central.epochs e where e.id <= v_id - 100;

  insert into central.archive_checks as k (source_id, queue, epoch_id, from_at)
  select w.source_id, q.queue, v_id, w.stored_until
    from central.archive_watermarks w
   cross join pg_catalog.unnest(p_queues) q (queue)
   order by w.source_id, q.queue
  on conflict (source_id, queue) do update
    set epoch_id = excluded.epoch_id,
        from_at = least(k.from_at, excluded.from_at),
        until_at = null,
        compared_at = null,
        runner = null,
        lease_until = null;

  update central.consumers c
     set beat = null
   where c.id in (
     select s.id
       from central.consumers s
      where s.last_seen_at > pg_catalog.clock_timestamp() - interval '1 minute'
        for update skip locked
   );
  return v_id;
end
$$;
revoke execute on function central.begin_epoch(text, boolean, text[]) from public;
-- A consumer takes it on itself to compare an archive with the ledger, for half a minute, or half a minute more: one
-- does it at a time. No row where another one has it, or where there is nothing to compare any more.
-- With its owner's rights: the consumer may not write to the table itself.
-- Locks: the row of archive_checks.
create or replace function central.claim_archive_check(p_source_id uuid, p_queue text, p_consumer_id uuid)
returns setof central.archive_checks
language sql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '5s'
as $$
  update central.archive_checks k
     set runner = p_consumer_id, lease_until = pg_catalog.clock_timestamp() + interval '30 seconds'
   where k.source_id = p_source_id and k.queue = p_queue and k.from_at is not null
     and (k.runner is null or k.runner = p_consumer_id
          or not k.lease_until between pg_catalog.clock_timestamp()
                                   and pg_catalog.clock_timestamp() + interval '30 seconds')
  returning k.*;
$$;
revoke execute on function central.claim_archive_check(uuid, text, uuid) from public;
-- A capture begins to read a source's slot, as its only reader. Where nobody has told yet which server the source is on, it
-- says so, by claim_source's rules: of two databases with one id that nobody knows, the first has it. A server that is known
-- is only judged: a capture moves no claim.
-- With its owner's rights: whoever captures may not write to the tables itself.
-- Locks: as claim_source, where it claims.
create or replace function central.claim_captured_source(
  p_source_id uuid,
  p_name text,
  p_system_id text,
  p_database_oid bigint,
  p_timeline integer,
  p_started_at timestamptz,
  p_address text,
  p_other_addresses text[] default '{}'
)
returns table (state text, reason text, moved_from text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '5s'
as $$
begin
  if exists (select from central.sources s where s.source_id = p_source_id and s.database_oid is not null) then
    return query
    select j.state, j.reason, null::text
      from central.judge_source(p_source_id, p_system_id, p_database_oid, p_timeline, p_started_at, p_address,
                                p_other_addresses) j;
  else
    return query
    select c.state, c.reason, c.moved_from
      from central.claim_source(p_source_id, p_name, p_system_id, p_database_oid, p_timeline, p_started_at, p_address,
                                p_other_addresses) c;
  end if;
end
$$;
revoke execute
   on function central.claim_captured_source(uuid, text, text, bigint, integer, timestamptz, text, text[])
 from public;
-- Gives an action to a runner for p_lease, by this database's clock, where it waits for one: it is planned, its runner
-- has let go of it or has not been heard of for the whole of its lease, or it was cancelled and its figures are not
-- final. A runner that has it gets it again, by the login that claimed it: anybody can read its name. The lease is an hour at most.
-- No row: there is no such action. is_claimed: whether it is the runner's now; else state, runner and lease_until say why.
-- claim_number counts the claims of the action: by it, its sources refuse a runner that has lost it to a later one.
-- With its owner's rights: operators may not write to the table themselves.
-- Locks: the action's row.
create or replace function central.claim_operator_action(p_action_id bigint, p_runner text, p_lease interval)
returns table (is_claimed boolean, state text, runner text, lease_until timestamptz, claim_number integer)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  v_action central.operator_actions;
  v_next text;
begin
  select a.* into v_action from central.operator_actions a where a.id = p_action_id for update;
  if not found then
    return;
  end if;
  v_next := central.next_action_state(v_action.state, 'start');
  -- One without a login is of a build that could not go on with it.
  if v_next is null
     or v_action.login is null
     or v_action.finished_at is not null
     or v_action.lease_until > pg_catalog.clock_timestamp()
        and not (v_action.runner is not distinct from p_runner
                 and exists (select
                               from central.operator_action_events e
                              where e.action_id = p_action_id and e.event = 'claimed' and e.actor = p_runner
                                and e.login = session_user)) then
    return query select false, v_action.state,
                        case when v_action.lease_until > pg_catalog.clock_timestamp() then v_action.runner end,
                        v_action.lease_until, v_action.claim_count;
    return;
  end if;

  update central.operator_actions a
     set state = v_next,
         runner = p_runner,
         lease_until = pg_catalog.clock_timestamp() + least(p_lease, interval '1 hour'),
         claim_count = a.claim_count + 1,
         error = null
   where a.id = p_action_id
  returning a.* into v_action;

  insert into central.operator_action_events (action_id, event, actor, login, detail)
  values (p_action_id, 'claimed', p_runner, session_user, '{}');

  return query select true, v_action.state, v_action.runner, v_action.lease_until, v_action.claim_count;
end
$$;
revoke execute on function central.claim_operator_action(bigint, text, interval) from public;
-- Begins to work on a database under its source's id: makes the source known, or says that it was seen again, by
-- judge_source's rules. What is refused changes nothing of the source, not even its name. Of several who come at once
-- with an id that nobody knows, the first has it: its row is there, or locked, before the others look.
-- A consumer's claim is kept with its entry in consumers, and goes with a refusal.
-- moved_from: where the source was until now, where a promoted standby took its place.
-- With its owner's rights: whoever claims may not write to the tables itself.
-- Locks: the row of sources; then the consumer's own row.
create or replace function central.claim_source(
  p_source_id uuid,
  p_name text,
  p_system_id text,
  p_database_oid bigint,
  p_timeline integer,
  p_started_at timestamptz,
  p_address text,
  p_other_addresses text[] default '{}',
  p_consumer_id uuid default null
)
returns table (state text, reason text, moved_from text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '5s'
as $$
declare
  v_source central.sources;
  v_is_moved boolean;
begin
  insert into central.sources
    (source_id, name, system_id, database_oid, timeline, server_started_at, addresses)
  values (p_source_id, p_name, p_system_id, p_database_oid, p_timeline, p_started_at, array[p_address])
  on conflict (source_id) do nothing;

  if found then
    state := 'ok';
  else
    select s.* into strict v_source from central.sources s where s.source_id = p_source_id for update;
    select j.state, j.reason
      into state, reason
      from central.judge_source(p_source_id, p_system_id, p_database_oid, p_timeline, p_started_at, p_address,
                                p_other_addresses, p_consumer_id) j;
  end if;

  if state = 'ok' and v_source.source_id is not null then
    v_is_moved := p_timeline > v_source.timeline and p_address <> all (v_source.addresses);
    if v_is_moved then
      moved_from := v_source.addresses[1];
    end if;
    update central.sources s
       set name = p_name,
           last_seen_at = greatest(s.last_seen_at, pg_catalog.now()),
           system_id = coalesce(p_system_id, s.system_id),
           database_oid = p_database_oid,
           timeline = coalesce(p_timeline, s.timeline),
           server_started_at = p_started_at,
           -- The first is the source's own; another way to the same running server is remembered behind it.
           addresses = (case when p_address = any (s.addresses) then s.addresses
                             when v_is_moved then array[p_address] || s.addresses
                             else s.addresses || p_address end)[1:32]
     where s.source_id = p_source_id;
  end if;

  if p_consumer_id is not null then
    update central.consumers c
       set sources = case
             when state = 'ok' then
               coalesce(c.sources, '{}') || pg_catalog.jsonb_build_object(
                 p_source_id, pg_catalog.to_char(p_started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
             else c.sources - p_source_id::text
           end
     where c.id = p_consumer_id;
  end if;
  return next;
end
$$;
revoke execute
   on function central.claim_source(uuid, text, text, bigint, integer, timestamptz, text, text[], uuid)
 from public;
-- A consumer says that it works with the store, and learns whether the store may have lost what it told to be committed
-- (a failover to an asynchronous standby, a restored backup): then a new epoch begins, and the sources' archives are
-- compared with the ledger from where the store was known to be complete.
--
-- p_beat: the beat that this call acknowledged last time, 0 before that. The consumer remembers it and so does the
-- store, unless it lost it.
-- p_clocks: from the ids of sources to what their clocks showed a moment ago. What was archived there by then had been
-- merged before, and so is in whatever copy of this store has this row: the source's watermark. It is moved only by a
-- consumer whose last beat is here, at most every eight seconds, and back where the source's clock was set back. The
-- archive of a source that has none yet is compared from its beginning, or, where the ledger knows the source (an older
-- version wrote it), from an hour before; and up to there, unless an epoch has just begun in which consumers may still
-- archive what they merged before it.
-- p_queues: the queues of a source.
-- Returns one row: the beat to remember, the epoch, whether this call began it and why it began, and what is to be
-- compared or was found missing (at most 1,000; those of sources that the consumer works on come first, so that many that
-- are away keep none from being compared), as a JSON array.
--
-- With its owner's rights: the consumer may not write to the tables itself.
-- Locks, in this order: epochs, where a new one begins, else its last row; archive_watermarks, likewise or its rows, by
-- key; rows of archive_checks, by key; the consumer's own row.
create or replace function central.confirm_epoch(
  p_consumer_id uuid,
  p_beat bigint,
  p_clocks jsonb,
  p_queues text[]
)
returns table (beat bigint, epoch_id bigint, is_new boolean, reason text, checks jsonb)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '5s'
as $$
#variable_conflict use_column
declare
  v_doubt record;
  v_epoch central.epochs;
  v_is_new boolean := false;
begin
  if exists (select from central.doubt_epoch(p_consumer_id, p_beat)) then
    lock table central.epochs in share row exclusive mode;
    -- Another consumer may have begun one meanwhile.
    select d.* into v_doubt from central.doubt_epoch(p_consumer_id, p_beat) d;
    if found then
      perform central.begin_epoch(v_doubt.reason, v_doubt.is_quiet, p_queues);
      v_is_new := true;
    end if;
  end if;
  update central.epochs e
     set seen_at = pg_catalog.clock_timestamp()
   where e.id = (select max(n.id) from central.epochs n)
     and not e.seen_at between pg_catalog.clock_timestamp() - interval '8 seconds' and pg_catalog.clock_timestamp();
  select e.* into strict v_epoch from central.epochs e order by e.id desc limit 1;

  with told as (
    select t.key::uuid as source_id, t.value::timestamptz as read_at
      from pg_catalog.jsonb_each_text(p_clocks) t (key, value)
  ),
  added as (
    insert into central.archive_watermarks (source_id, stored_until)
    select t.source_id, t.read_at from told t order by t.source_id
    on conflict (source_id) do nothing
    returning source_id, stored_until
  )
  insert into central.archive_checks (source_id, queue, epoch_id, from_at, until_at)
  select a.source_id, q.queue, v_epoch.id,
         case when exists (
           select
             from central.lanes l
            where l.source_id = a.source_id
              and (exists (select from central.processed_messages p where p.lane_id = l.lane_id)
                   or exists (select from central.pruned_ranges r where r.lane_id = l.lane_id))
         ) then a.stored_until - interval '1 hour' else '-infinity' end,
         case when v_epoch.is_quiet or v_epoch.began_at < pg_catalog.clock_timestamp() - interval '10 minutes'
              then a.stored_until end
    from added a
   cross join pg_catalog.unnest(p_queues) q (queue)
   order by a.source_id, q.queue
  on conflict do nothing;

  if p_beat > 0 then
    update central.archive_watermarks w
       set stored_until = l.read_at, noted_at = pg_catalog.clock_timestamp()
      from (
        select m.source_id, t.value::timestamptz as read_at
          from pg_catalog.jsonb_each_text(p_clocks) t (key, value)
          join central.archive_watermarks m on m.source_id = t.key::uuid
         where not m.noted_at between pg_catalog.clock_timestamp() - interval '8 seconds'
                                  and pg_catalog.clock_timestamp()
         order by m.source_id
           for update of m
      ) l
     where w.source_id = l.source_id;
  end if;

  update central.consumers c set beat = p_beat + 1 where c.id = p_consumer_id;

  -- Where the consumer has no row yet, nothing was kept: it has no beat to remember.
  return query
  select case when found then p_beat + 1 else 0 end, v_epoch.id, v_is_new, v_epoch.reason,
         (select coalesce(pg_catalog.jsonb_agg(k.row), '[]')
            from (
              select pg_catalog.to_jsonb(a) as row
                from central.archive_checks a
                left join central.consumers c on c.id = p_consumer_id
               where a.from_at is not null
               order by c.sources ? a.source_id::text desc nulls last, a.missing_count desc, a.source_id, a.queue
               limit 1000
            ) k);
end
$$;
revoke execute on function central.confirm_epoch(uuid, bigint, jsonb, text[]) from public;
-- A consumer says which sources it works on, from each id to when its server was started, and learns which of them it
-- has to claim anew: another server has the id now, by an operator's decision or because the source was restarted, or
-- the store was restored and does not know it. Called with each heartbeat, so that one statement is enough for all.
-- With its owner's rights: the consumer may not write to the table itself.
-- Idempotent. Locks: the consumer's own row, where it says something new.
create or replace function central.confirm_sources(p_consumer_id uuid, p_sources jsonb)
returns table (source_id uuid)
language sql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '5s'
as $$
  update central.consumers c
     set sources = p_sources
   where c.id = p_consumer_id and c.sources is distinct from p_sources;

  select p.key::uuid
    from pg_catalog.jsonb_each_text(p_sources) p (key, started_at)
   where not exists (
     select
       from central.sources s
      where s.source_id = p.key::uuid
        and pg_catalog.to_char(s.server_started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') = p.started_at
   );
$$;
revoke execute on function central.confirm_sources(uuid, jsonb) from public;
-- An operator pauses, resumes or cancels an action, or gives it another rate; its runner obeys before its next chunk.
-- p_verb: `pause`, `resume`, `cancel`, `rate` (p_rate null: as fast as it goes). What is so already stays so.
-- No row: there is no such action. is_done: whether the action is as asked for; else its state says why not.
-- is_running: whether a runner has it. Needs no source, and works from anywhere.
-- With its owner's rights: operators may not write to the tables themselves.
-- Idempotent. Locks: the action's row.
create or replace function central.control_operator_action(
  p_action_id bigint,
  p_verb text,
  p_actor text,
  p_rate double precision default null,
  p_reason text default null
)
returns table (is_done boolean, is_changed boolean, state text, is_running boolean)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  v_action central.operator_actions;
  v_wanted text;
  v_is_changed boolean;
begin
  if p_verb not in ('pause', 'resume', 'cancel', 'rate') then
    raise exception 'an operator can''t % an action', p_verb using errcode = 'invalid_parameter_value';
  end if;
  select a.* into v_action from central.operator_actions a where a.id = p_action_id for update;
  if not found then
    return;
  end if;
  v_wanted := case p_verb
                when 'pause' then 'paused'
                when 'resume' then 'running'
                when 'cancel' then 'cancelled'
                else v_action.state
              end;
  -- A planned action is begun by whoever resumes it.
  if v_action.state <> v_wanted
     and coalesce(central.next_action_state(v_action.state, p_verb),
                  case when p_verb = 'resume' then central.next_action_state(v_action.state, 'start') end)
           is distinct from v_wanted
     or p_verb = 'rate' and v_action.state in ('done', 'cancelled')
     -- One of a build that did not make them durable: nobody could go on with it.
     or p_verb = 'resume' and v_action.login is null then
    return query select false, false, v_action.state, v_action.lease_until > pg_catalog.clock_timestamp();
    return;
  end if;

  v_is_changed := v_action.state <> v_wanted or p_verb = 'rate' and v_action.rate is distinct from p_rate;
  update central.operator_actions a
     set state = v_wanted,
         rate = case when p_verb = 'rate' then p_rate else a.rate end,
         error = case when p_verb = 'resume' then null else a.error end,
         -- Who goes on after a stop has seen the fate of the first ones.
         canary_state = case when p_verb = 'resume' and a.canary_state = 'stopped' then 'passed'
                             else a.canary_state end,
         finished_at = case when v_wanted = 'cancelled' and v_action.state = 'planned' and a.lease_until is null
                            then pg_catalog.clock_timestamp() else a.finished_at end
   where a.id = p_action_id
  returning a.* into v_action;

  if v_is_changed then
    insert into central.operator_action_events (action_id, event, actor, login, detail)
    values (p_action_id,
            case p_verb when 'pause' then 'paused' when 'resume' then 'resumed'
                        when 'cancel' then 'cancelled' else 'rate' end,
            p_actor, session_user,
            pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('rate', p_rate, 'reason', p_reason)));
  end if;
  return query select true, v_is_changed, v_action.state,
                      coalesce(v_action.lease_until > pg_catalog.clock_timestamp(), false);
end
$$;
revoke execute on function central.control_operator_action(bigint, text, text, double precision, text) from public;
-- Why the store may have lost what it told to be committed, or no row where nothing speaks for that. It says something
-- else of itself than when the epoch began; or a consumer's last word (p_beat, the number that the store acknowledged
-- last) is not in it; or a consumer that has no memory yet (p_beat is 0) finds that nobody has confirmed the epoch for
-- half a minute. p_beat null: whoever asks has none, and asks about the store alone.
-- is_quiet: as far as is known no consumer worked a moment ago, so nothing is archived now that was merged before.
-- With its owner's rights: whoever asks may not see every table.
-- Locks: none. Reads only.
create or replace function central.doubt_epoch(p_consumer_id uuid default null, p_beat bigint default null)
returns table (reason text, is_quiet boolean)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_epoch central.epochs;
  v_now record;
begin
  select e.* into v_epoch from central.epochs e order by e.id desc limit 1;
  if not found then
    reason := 'it was never looked at before';
    is_quiet := coalesce(p_beat, 0) = 0;
    return next;
    return;
  end if;

  select f.* into strict v_now from central.store_facts() f;
  is_quiet := false;
  reason := case
    when v_now.system_id is distinct from v_epoch.system_id then 'its server has another system identifier'
    when v_now.timeline is distinct from v_epoch.timeline then 'its server is on another timeline'
    when v_now.server_started_at is distinct from v_epoch.server_started_at then 'its server was started anew'
    when v_now.recovered_at is distinct from v_epoch.recovered_at then 'its server has recovered from a crash'
    when v_now.database_oid is distinct from v_epoch.database_oid then 'it is another database of its server'
    when v_now.ledger_file is distinct from v_epoch.ledger_file then 'its ledger is in another file'
    when p_beat > 0 and not exists (
      select
        from central.consumers c
       where c.id = p_consumer_id and (c.beat is null or c.beat >= p_beat)
    ) then 'it does not have what a consumer said last'
  end;
  if reason is null and p_beat = 0
     and not v_epoch.seen_at between pg_catalog.clock_timestamp() - interval '30 seconds'
                                 and pg_catalog.clock_timestamp() + interval '30 seconds' then
    reason := 'no consumer was at work';
    is_quiet := true;
  end if;
  if reason is not null then
    return next;
  end if;
end
$$;
revoke execute on function central.doubt_epoch(uuid, bigint) from public;
-- Ends the capture of a source, after its slot has been dropped: forgets how far it came, and marks the end
-- in the log, whose entries stay. Gives whether anything was captured of it.
-- With its owner's rights: who captures may not write to the tables itself.
-- Locks: the row of capture_cursors; then as record_changes.
create or replace function central.end_capture(p_source_id uuid, p_reader text, p_reason text)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lsn bigint;
begin
  delete from central.capture_cursors c where c.source_id = p_source_id returning c.lsn into v_lsn;
  if not found then
    return false;
  end if;
  perform central.mark_change_log(
    p_source_id, 'end', v_lsn, pg_catalog.clock_timestamp(),
    pg_catalog.jsonb_build_object('from', '0/0'::pg_lsn + v_lsn::numeric, 'reason', p_reason, 'by', p_reader)
  );
  return true;
end
$$;
revoke execute on function central.end_capture(uuid, text, text) from public;
-- Makes the partition of the change log for a day (UTC); nothing happens where it is there.
-- The table is made by itself and then attached, which nobody who reads the log has to wait for.
-- Locks: change_log in share update exclusive mode until the end of the transaction, which also keeps two from doing
-- it at once. Whoever holds it is waited for five seconds at most.
create or replace function central.ensure_change_log_partition(p_day date)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  v_name constant text := 'change_log_' || pg_catalog.to_char(p_day, 'YYYYMMDD');
begin
  if pg_catalog.to_regclass('central.' || v_name) is not null then
    return;
  end if;
  lock table central.change_log in share update exclusive mode;
  if pg_catalog.to_regclass('central.' || v_name) is not null then
    return;
  end if;
  execute pg_catalog.format(
    'create table central.%I (like central.change_log including defaults including constraints including indexes)',
    v_name
  );
  execute pg_catalog.format(
    'alter table central.change_log attach partition central.%I for values from (%L) to (%L)',
    v_name,
    pg_catalog.to_char(p_day, 'YYYY-MM-DD') || ' 00:00:00+00',
    pg_catalog.to_char(p_day + 1, 'YYYY-MM-DD') || ' 00:00:00+00'
  );
end
$$;
revoke execute on function central.ensure_change_log_partition(date) from public;
-- The failures of one message so far, oldest first, as a dead letter tells them; null where there are none.
-- Locks: none. Reads only.
create or replace function central.failures_as_attempts(p_lane_id integer, p_msg_id bigint, p_enqueued_at timestamptz)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select pg_catalog.jsonb_agg(
           pg_catalog.jsonb_build_object(
             'at', f.failed_at,
             'consumer', f.consumer_id,
             'error', pg_catalog.jsonb_build_object('code', f.error_code, 'message', f.error_message)
           )
           order by f.failed_at, f.id
         )
    from central.delivery_failures f
   where f.lane_id = p_lane_id and f.msg_id = p_msg_id and f.enqueued_at = p_enqueued_at;
$$;
revoke execute on function central.failures_as_attempts(integer, bigint, timestamptz) from public;
-- Which of the archived messages of a queue the store does not have, by their place in the arrays, from 1: neither the
-- ledger knows them nor a range of what was pruned from it. As look_up_deliveries, which also tells how messages failed,
-- at a tenth of the cost: whole archives are compared so.
-- Each is looked up by its key, whatever the statistics say of tables that have just been restored.
-- With its owner's rights: the consumer may not read pruned_ranges.
-- Locks: none. Reads only.
create or replace function central.find_missing_messages(
  p_source_id uuid,
  p_queue text,
  p_msg_ids bigint[],
  p_enqueued_ats timestamptz[]
)
returns setof integer
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
declare
  v_lane_id constant integer := (select l.lane_id from central.lanes l where l.source_id = p_source_id and l.queue = p_queue);
begin
  return query
  select m.ordinal::integer
    from rows from (
      pg_catalog.unnest(p_msg_ids),
      pg_catalog.unnest(p_enqueued_ats)
    ) with ordinality as m (msg_id, enqueued_at, ordinal)
   where not exists (
           select
             from central.processed_messages p
            where p.lane_id = v_lane_id and p.msg_id = m.msg_id and p.enqueued_at = m.enqueued_at
         )
     and not exists (
           select
             from central.pruned_ranges r
            where r.lane_id = v_lane_id
              and m.msg_id between r.first_msg_id and r.last_msg_id
              and m.enqueued_at between r.first_enqueued_at and r.last_enqueued_at
         )
   order by m.ordinal;
end
$$;
revoke execute on function central.find_missing_messages(uuid, text, bigint[], timestamptz[]) from public;
-- Forgets the failures of messages that are decided now: merged, or dead-lettered with their history.
-- Idempotent. What a crash leaves here, prune_ledger removes.
-- With its owner's rights: the consumer may not write to the table itself.
-- Locks: the rows it deletes.
create or replace function central.forget_failures(
  p_source_id uuid,
  p_queue text,
  p_msg_ids bigint[],
  p_enqueued_ats timestamptz[]
)
returns integer
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  with gone as (
    delete from central.delivery_failures f
     using central.lanes l,
           rows from (pg_catalog.unnest(p_msg_ids), pg_catalog.unnest(p_enqueued_ats)) as m (msg_id, enqueued_at)
     where l.source_id = p_source_id and l.queue = p_queue
       and f.lane_id = l.lane_id and f.msg_id = m.msg_id and f.enqueued_at = m.enqueued_at
    returning 1
  )
  select count(*)::integer from gone;
$$;
revoke execute on function central.forget_failures(uuid, text, bigint[], timestamptz[]) from public;
-- Whether a database may be consumed under a source's id, by what its server says of itself, and if not, why:
-- `ok`; `conflict`, where the source that has the id is consumed or configured now; `moved`, where the id is known from
-- another server. Both of the latter wait for an operator's decision (`centralcloud sources adopt` or `renew`).
-- All who ask, ask here: consumers by claim_source, captures and commands. test/consumer/source-verdicts has the cases.
--
-- What the server says decides, and addresses only where it does not: one running server is known by when it was
-- started, whatever leads to it. A server that was started later has the files of the one before, as a restart does, and as
-- a copy of them does: at an address that is known it was restarted, elsewhere it is a copy or has moved. One of a later
-- timeline is a standby that was promoted, wherever it is, once nobody works on the old primary.
-- What was captured of a source tells, too: its change log goes on at the server where it began, unless an operator has
-- decided since.
-- What a server says can be forged; what that means is in SECURITY.md.
--
-- p_other_addresses: where else the asking process has a database of that id, as far as it knows.
-- With its owner's rights: whoever asks may not see the consumers' claims.
-- Locks: none. Reads only.
create or replace function central.judge_source(
  p_source_id uuid,
  p_system_id text,
  p_database_oid bigint,
  p_timeline integer,
  p_started_at timestamptz,
  p_address text,
  p_other_addresses text[] default '{}',
  p_consumer_id uuid default null
)
returns table (state text, reason text)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  v_source central.sources;
  v_cursor central.capture_cursors;
  v_timeline integer;
  v_is_known_address boolean;
  v_is_live boolean;
  v_is_beside boolean;
  v_is_decided_now boolean;
  v_owner text;
begin
  state := 'ok';
  select s.* into v_source from central.sources s where s.source_id = p_source_id;
  select c.*
    into v_cursor
    from central.capture_cursors c
   where c.source_id = p_source_id and c.seen_at > coalesce(v_source.decided_at, '-infinity');
  -- Known to older versions only, or not at all: whoever comes first has it.
  if v_source.source_id is null or v_source.database_oid is null then
    if v_cursor.system_id <> p_system_id or v_cursor.timeline > p_timeline then
      state := 'moved';
      reason := pg_catalog.format(
        'its source_id %s is that of %s, whose changes were captured from the server %s at timeline %s; this is the '
        'server %s at timeline %s',
        p_source_id, v_source.name, v_cursor.system_id, v_cursor.timeline, p_system_id, p_timeline
      );
    end if;
    return next;
    return;
  end if;
  v_timeline := v_source.timeline;
  if v_cursor.system_id = p_system_id then
    v_timeline := greatest(v_timeline, v_cursor.timeline);
  end if;
  v_owner := pg_catalog.format('%s at %s', v_source.name, coalesce(v_source.addresses[1], 'an unknown address'));
  v_is_known_address := p_address = any (v_source.addresses);
  v_is_beside := p_address <> v_source.addresses[1] and v_source.addresses[1] = any (p_other_addresses);
  v_is_decided_now := coalesce(v_source.decided_at > pg_catalog.clock_timestamp() - interval '15 seconds', false);
  v_is_live := exists (
    select
      from central.consumers c
     where c.id is distinct from p_consumer_id
       and c.last_seen_at between pg_catalog.clock_timestamp() - interval '15 seconds'
                              and pg_catalog.clock_timestamp() + interval '15 seconds'
       and c.sources ->> p_source_id::text
        <> pg_catalog.to_char(p_started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  );

  if v_source.server_started_at = p_started_at
     and v_source.database_oid = p_database_oid
     and v_source.system_id is not distinct from p_system_id then
    -- Those who worked on the database before an operator's decision have yet to hear of it.
    if v_is_live and v_is_decided_now then
      state := 'conflict';
      reason := pg_catalog.format('its source_id %s was given to it just now; a consumer still works on the database '
        'that had it before', p_source_id);
    end if;
    return next;
    return;
  end if;

  if v_source.database_oid <> p_database_oid or v_source.system_id <> p_system_id then
    reason := pg_catalog.format(
      'its source_id %s is that of %s, which is database %s of the server %s; this is database %s of the server %s',
      p_source_id, v_owner, v_source.database_oid, coalesce(v_source.system_id, '(unknown)'),
      p_database_oid, coalesce(p_system_id, '(unknown)')
    );
  elsif p_timeline < v_timeline then
    reason := pg_catalog.format(
      'its source_id %s is that of %s, whose server is at timeline %s; this one is at timeline %s: an old primary, '
      'or a backup that was restored', p_source_id, v_owner, v_timeline, p_timeline
    );
  elsif not v_is_known_address and (p_system_id is null or v_source.system_id is null) then
    reason := pg_catalog.format(
      'its source_id %s is that of %s; the server tells no system identifier, so it is known by its address only',
      p_source_id, v_owner
    );
  elsif not v_is_known_address and p_timeline is not distinct from v_source.timeline then
    reason := pg_catalog.format(
      'its source_id %s is that of %s; this server has the same system identifier and timeline, and another address: '
      'a copy of that server, or that server in another place', p_source_id, v_owner
    );
  elsif v_is_beside then
    reason := pg_catalog.format('its source_id %s is that of %s, which is configured, too', p_source_id, v_owner);
  -- A restart is seen by one consumer after the other: who still names the start before it only has not noticed.
  elsif v_is_live
        and (v_is_decided_now
             or p_timeline is distinct from v_source.timeline
             or p_started_at <= v_source.server_started_at) then
    reason := pg_catalog.format(
      'its source_id %s is that of %s; this server was started at another time than the one that is consumed',
      p_source_id, v_owner
    );
  end if;
  if reason is not null then
    state := case when v_is_live or v_is_beside then 'conflict' else 'moved' end;
  end if;
  return next;
end
$$;
revoke execute
   on function central.judge_source(uuid, text, bigint, integer, timestamptz, text, text[], uuid)
 from public;
-- The number of a lane (source × queue); made on first use. Normally one index look-up and no lock.
-- A source that no consumer has registered (its row was lost in a restore, say) is entered under its id.
create or replace function central.lane_id(p_source_id uuid, p_queue text)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane_id integer;
begin
  select l.lane_id into v_lane_id
    from central.lanes l
   where l.source_id = p_source_id and l.queue = p_queue;
  if found then
    return v_lane_id;
  end if;

  insert into central.sources (source_id, name)
  values (p_source_id, p_source_id::text)
  on conflict (source_id) do nothing;

  insert into central.lanes (source_id, queue)
  values (p_source_id, p_queue)
  on conflict (source_id, queue) do nothing;

  -- A new statement, so that it sees the row also where another session has just made it.
  select l.lane_id into strict v_lane_id
    from central.lanes l
   where l.source_id = p_source_id and l.queue = p_queue;
  return v_lane_id;
end
$$;
revoke execute on function central.lane_id(uuid, text) from public;
-- What is known of messages that have been delivered before: whether they are merged already, and how they
-- failed so far. Asked before a message is given up, and for messages that come back from the archive.
--
-- A ledger row may have been pruned. For a message from the archive (p_archived) the ranges that prune_ledger
-- has left stand in for it: each of their ids was merged into this store. For an ordinary message they are
-- not asked: what leaves the ledger has left the queue for good.
-- With its owner's rights: the consumer may not read failures of others itself.
-- Locks: none. Reads only.
create or replace function central.look_up_deliveries(
  p_source_id uuid,
  p_queue text,
  p_msg_ids bigint[],
  p_enqueued_ats timestamptz[],
  p_archived boolean[]
)
returns table (ordinal integer, merged boolean, attempts jsonb)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select m.ordinal::integer,
         exists (
           select
             from central.processed_messages p
            where p.lane_id = l.lane_id and p.msg_id = m.msg_id and p.enqueued_at = m.enqueued_at
         ) or (
           m.archived
           and exists (
             select
               from central.pruned_ranges r
              where r.lane_id = l.lane_id
                and m.msg_id between r.first_msg_id and r.last_msg_id
                and m.enqueued_at between r.first_enqueued_at and r.last_enqueued_at
           )
         ),
         coalesce(central.failures_as_attempts(l.lane_id, m.msg_id, m.enqueued_at), '[]')
    from central.lanes l
   cross join rows from (
     pg_catalog.unnest(p_msg_ids),
     pg_catalog.unnest(p_enqueued_ats),
     pg_catalog.unnest(p_archived)
   ) with ordinality as m (msg_id, enqueued_at, archived, ordinal)
   where l.source_id = p_source_id and l.queue = p_queue
   order by m.ordinal;
$$;
revoke execute on function central.look_up_deliveries(uuid, text, bigint[], timestamptz[], boolean[]) from public;
-- Makes the partitions of today and tomorrow (UTC) ahead of their first rows, and drops those of days that
-- lie more than p_keep_days back; gives the names of those dropped. May run any number of times.
-- Dropping waits for whoever reads the log, and whoever comes meanwhile waits for it: so it gives up after
-- two seconds, and the next call tries again.
-- With its owner's rights: who captures may not drop a table.
-- Locks: as ensure_change_log_partition; then change_log exclusively, from the first drop to the end.
create or replace function central.maintain_change_log(p_keep_days integer)
returns text[]
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  v_today constant date := (pg_catalog.clock_timestamp() at time zone 'UTC')::date;
  v_name text;
  v_dropped text[] := array[]::text[];
begin
  if p_keep_days < 1 then
    raise exception 'p_keep_days must be at least 1' using errcode = 'invalid_parameter_value';
  end if;
  perform central.ensure_change_log_partition(v_today);
  perform central.ensure_change_log_partition(v_today + 1);

  for v_name in
    select c.relname
      from pg_catalog.pg_inherits i
      join pg_catalog.pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'central.change_log'::regclass
       and c.relname ~ '^change_log_\d{8}$'
       and pg_catalog.to_date(pg_catalog.right(c.relname, 8), 'YYYYMMDD') < v_today - p_keep_days
     order by c.relname
  loop
    execute pg_catalog.format('drop table central.%I', v_name);
    v_dropped := v_dropped || v_name;
  end loop;
  return v_dropped;
exception
  when lock_not_available then
    return array[]::text[];
end
$$;
revoke execute on function central.maintain_change_log(integer) from public;
-- Marks in the change log that changes of one table of a source are missing: those between p_from and p_to,
-- or from p_to on where p_from is null.
-- With its owner's rights: who captures may not write to the table itself.
-- Locks: as record_changes.
create or replace function central.mark_capture_gap(
  p_source_id uuid,
  p_table text,
  p_from bigint,
  p_to bigint,
  p_at timestamptz,
  p_reason text,
  p_reader text
)
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select central.mark_change_log(
    p_source_id, 'gap', p_to, p_at,
    pg_catalog.jsonb_build_object(
      'table', p_table,
      'from', '0/0'::pg_lsn + coalesce(p_from, p_to)::numeric,
      'to', case when p_from is not null then '0/0'::pg_lsn + p_to::numeric end,
      'reason', p_reason,
      'by', p_reader
    )
  );
$$;
revoke execute on function central.mark_capture_gap(uuid, text, bigint, bigint, timestamptz, text, text) from public;
-- Enters a mark into the change log: where a capture began, missed something (gap) or ended. Keys that are
-- null are left out.
-- Locks: as record_changes.
create or replace function central.mark_change_log(
  p_source_id uuid,
  p_operation text,
  p_lsn bigint,
  p_at timestamptz,
  p_values jsonb
)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select central.record_changes(
    p_source_id,
    pg_catalog.jsonb_build_array(
      pg_catalog.jsonb_build_object(
        'lsn', p_lsn, 'ordinal', 0, 'committed_at', p_at, 'table_name', '*', 'operation', p_operation,
        'new_values', pg_catalog.jsonb_strip_nulls(p_values)
      )
    )
  );
$$;
revoke execute on function central.mark_change_log(uuid, text, bigint, timestamptz, jsonb) from public;
-- Folds a batch of knowledge summaries into the central store: one call, one transaction.
--
-- p_messages is a JSON array of the messages as they were sent; its n-th element has the n-th id and time.
--
-- A summary is identified by its source and time; what each agent knows is the part of its latest
-- summary. Where two claim the same time, the greater values win, so that every order gives the same rows.
-- A number in place of an identifier is its shortest numeral, so that 7, 7.0 and 70e-1 name the same.
-- With its owner's rights: the consumer may not write to the tables itself.
-- Locks: processed_messages by message, then agent_knowledge by agent, then knowledge_summaries by time
-- (PostgreSQL runs what the final select does not read from the last to the first).
-- No nested loops: a plan made for any number of messages would choose them, and take the square of it.
-- No compilation: it would take longer than the batch, and a nested loop that is needed all the same
-- (lateral) counts as so expensive that every call would be compiled.
create or replace function central.merge_knowledge(
  p_source_id uuid,
  p_queue text,
  p_msg_ids bigint[],
  p_enqueued_ats timestamptz[],
  p_messages jsonb
)
returns table (merged integer, duplicates integer)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set enable_nestloop = off
set jit = off
as $$
declare
  v_lane_id constant integer := central.lane_id(p_source_id, p_queue);
begin
  return query
  with message as materialized (
    -- A message that is in the batch twice counts once, here as in the ledger.
    select distinct on (m.msg_id, m.enqueued_at) m.msg_id, m.enqueued_at, m.body
      from rows from (
        pg_catalog.unnest(p_msg_ids),
        pg_catalog.unnest(p_enqueued_ats),
        pg_catalog.jsonb_array_elements(p_messages)
      ) as m (msg_id, enqueued_at, body)
     order by m.msg_id, m.enqueued_at
  ),
  fresh as (
    insert into central.processed_messages (lane_id, msg_id, enqueued_at)
    select v_lane_id, m.msg_id, m.enqueued_at
      from message m
     order by m.msg_id, m.enqueued_at
    on conflict do nothing
    returning msg_id, enqueued_at
  ),
  summary as materialized (
    select (m.body ->> 'updated_at')::timestamptz as updated_at,
           (m.body ->> 'agents_updated')::numeric::bigint as agents_updated,
           (m.body ->> 'total_patterns')::numeric::bigint as total_patterns,
           m.body -> 'agents' as agents
      from fresh f
      join message m using (msg_id, enqueued_at)
  ),
  merged_summary as (
    insert into central.knowledge_summaries as k (source_id, updated_at, agents_updated, total_patterns)
    select distinct on (s.updated_at) p_source_id, s.updated_at, s.agents_updated, s.total_patterns
      from summary s
     order by s.updated_at, s.agents_updated desc, s.total_patterns desc
    on conflict (source_id, updated_at) do update
      set agents_updated = excluded.agents_updated,
          total_patterns = excluded.total_patterns
      where (excluded.agents_updated, excluded.total_patterns) > (k.agents_updated, k.total_patterns)
  ),
  agent as (
    select case pg_catalog.jsonb_typeof(e.agent -> 'agent_id')
             when 'number' then pg_catalog.trim_scale((e.agent -> 'agent_id')::numeric)::text
             else e.agent ->> 'agent_id' end as agent_id,
           (e.agent ->> 'pattern_count')::numeric::bigint as pattern_count,
           pg_catalog.trim_scale(coalesce((e.agent ->> 'confidence')::numeric, 0.5)) as confidence,
           s.updated_at
      from summary s
     cross join lateral pg_catalog.jsonb_array_elements(nullif(s.agents, 'null')) as e (agent)
  ),
  merged_agent as (
    insert into central.agent_knowledge as k (source_id, agent_id, pattern_count, confidence, updated_at)
    select distinct on (a.agent_id) p_source_id, a.agent_id, a.pattern_count, a.confidence, a.updated_at
      from agent a
     order by a.agent_id, a.updated_at desc, a.pattern_count desc, a.confidence desc
    on conflict (source_id, agent_id) do update
      set pattern_count = excluded.pattern_count,
          confidence = excluded.confidence,
          updated_at = excluded.updated_at
      where (excluded.updated_at, excluded.pattern_count, excluded.confidence)
          > (k.updated_at, k.pattern_count, k.confidence)
  )
  select count(*)::integer,
         coalesce(pg_catalog.cardinality(p_msg_ids), 0) - count(*)::integer
    from fresh;
end
$$;
revoke execute on function central.merge_knowledge(uuid, text, bigint[], timestamptz[], jsonb) from public;
-- Folds a batch of pattern messages into the central store: one call, one transaction.
--
-- Either p_messages is a JSON array of the messages as they were sent, its n-th element with the n-th id and time; or
-- the consumer has taken them apart already: the n-th fingerprint, agent, confidence and time of each, and each pattern
-- once with its fingerprint (sha256 of its jsonb text). That is a third of the work here. It must do so only where it
-- knows what jsonb would make of each message; all else it sends as it is. Numbers go from there straight into numeric
-- or jsonb, so they keep every digit.
--
-- A number in place of an identifier is its shortest numeral, so that 7, 7.0 and 70e-1 name the same.
-- Exactly once: a message counts only if its ledger row is new, and both are committed together. Nearly
-- always all are new, so the ledger takes them with the cheapest insert that fails where one is not; only
-- then it is asked for each (that costs a rolled-back subtransaction), and the others go on. Of messages that were
-- taken apart nothing is merged then: `merged` is null, and the consumer sends them as they are.
-- Any order: sums, counts, least and greatest are commutative and associative; trim_scale makes equal
-- confidences the same numeric, and the sources of a pattern are kept sorted.
-- With its owner's rights: the consumer may not write to the tables itself.
-- Locks, in this order, each in the order of its key, so that two batches never deadlock:
--   processed_messages, pattern_agents, patterns.
-- Each step reads only what the one before it returned, so no step starts before its turn.
-- No nested loops: a plan made for any number of messages would choose them, and take the square of it.
-- That plan is made once a session, at the first call: plans for the first calls' own numbers cost more
-- than they gain.
-- No compilation: it would take longer than the batch, and a nested loop that is needed all the same
-- (lateral) counts as so expensive that every call would be compiled.
create or replace function central.merge_patterns(
  p_source_id uuid,
  p_queue text,
  p_msg_ids bigint[],
  p_enqueued_ats timestamptz[],
  p_messages jsonb default null,
  p_fingerprints bytea[] default null,
  p_agent_ids text[] default null,
  p_confidences numeric[] default null,
  p_learned_ats timestamptz[] default null,
  p_pattern_fingerprints bytea[] default null,
  p_patterns jsonb[] default null
)
returns table (merged integer, duplicates integer)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set enable_nestloop = off
set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_lane_id constant integer := central.lane_id(p_source_id, p_queue);
  v_count constant integer := coalesce(pg_catalog.cardinality(p_msg_ids), 0);
  v_given constant integer := coalesce(
    case when p_messages is null then pg_catalog.cardinality(p_fingerprints)
         else pg_catalog.jsonb_array_length(p_messages) end, 0);
  v_fresh jsonb := p_messages;
  v_fingerprints bytea[] := p_fingerprints;
  v_agent_ids text[] := p_agent_ids;
  v_confidences numeric[] := p_confidences;
  v_learned_ats timestamptz[] := p_learned_ats;
  v_pattern_fingerprints bytea[] := p_pattern_fingerprints;
  v_patterns jsonb[] := p_patterns;
begin
  if v_given <> v_count then
    raise exception 'there are % ids for % messages', v_count, v_given
      using errcode = 'invalid_parameter_value';
  end if;

  begin
    insert into central.processed_messages (lane_id, msg_id, enqueued_at)
    select v_lane_id, m.msg_id, m.enqueued_at
      from rows from (
        pg_catalog.unnest(p_msg_ids),
        pg_catalog.unnest(p_enqueued_ats)
      ) as m (msg_id, enqueued_at)
     order by m.msg_id, m.enqueued_at;
    get diagnostics merged = row_count;
  exception
    when unique_violation then
      if p_messages is null then
        merged := null;
        return next;
        return;
      end if;
      with message as materialized (
        -- A message that is in the batch twice counts once, here as in the ledger.
        select distinct on (m.msg_id, m.enqueued_at) m.msg_id, m.enqueued_at, m.body
          from rows from (
            pg_catalog.unnest(p_msg_ids),
            pg_catalog.unnest(p_enqueued_ats),
            pg_catalog.jsonb_array_elements(p_messages)
          ) as m (msg_id, enqueued_at, body)
         order by m.msg_id, m.enqueued_at
      ),
      fresh as (
        insert into central.processed_messages (lane_id, msg_id, enqueued_at)
        select v_lane_id, m.msg_id, m.enqueued_at
          from message m
         order by m.msg_id, m.enqueued_at
        on conflict do nothing
        returning msg_id, enqueued_at
      )
      select count(*), coalesce(pg_catalog.jsonb_agg(m.body), '[]')
        into merged, v_fresh
        from fresh f
        join message m using (msg_id, enqueued_at);
  end;

  if p_messages is not null then
    with observation as materialized (
      select pg_catalog.sha256(pg_catalog.convert_to((m.body -> 'pattern')::text, 'UTF8')) as fingerprint,
             m.body -> 'pattern' as pattern,
             case pg_catalog.jsonb_typeof(m.body -> 'agent_id')
               when 'number' then pg_catalog.trim_scale((m.body -> 'agent_id')::numeric)::text
               else m.body ->> 'agent_id' end as agent_id,
             coalesce((m.body ->> 'confidence')::numeric, 0.5) as confidence,
             (m.body ->> 'learned_at')::timestamptz as learned_at
        from pg_catalog.jsonb_array_elements(v_fresh) as m (body)
    ),
    pattern as (
      select o.fingerprint, (pg_catalog.array_agg(o.pattern))[1] as pattern
        from observation o
       group by o.fingerprint
    )
    select o.*, p.*
      into v_fingerprints, v_agent_ids, v_confidences, v_learned_ats, v_pattern_fingerprints, v_patterns
      from (select pg_catalog.array_agg(b.fingerprint), pg_catalog.array_agg(b.agent_id),
                   pg_catalog.array_agg(b.confidence), pg_catalog.array_agg(b.learned_at)
              from observation b) o
     cross join (select pg_catalog.array_agg(b.fingerprint), pg_catalog.array_agg(b.pattern) from pattern b) p;
  end if;

  with observation as materialized (
    select m.fingerprint, m.agent_id, pg_catalog.trim_scale(m.confidence) as confidence, m.learned_at
      from rows from (
        pg_catalog.unnest(v_fingerprints),
        pg_catalog.unnest(v_agent_ids),
        pg_catalog.unnest(v_confidences),
        pg_catalog.unnest(v_learned_ats)
      ) as m (fingerprint, agent_id, confidence, learned_at)
  ),
  agent as materialized (
    select o.fingerprint, o.agent_id, count(*) as observation_count, max(o.learned_at) as last_learned_at
      from observation o
     group by o.fingerprint, o.agent_id
  ),
  merged_agent as (
    insert into central.pattern_agents as a
      (fingerprint, source_id, agent_id, observation_count, last_learned_at)
    select g.fingerprint, p_source_id, g.agent_id, g.observation_count, g.last_learned_at
      from agent g
     order by g.fingerprint, g.agent_id
    on conflict (fingerprint, source_id, agent_id) do update
      set observation_count = a.observation_count + excluded.observation_count,
          last_learned_at = greatest(a.last_learned_at, excluded.last_learned_at)
    returning a.fingerprint, a.agent_id, a.observation_count
  ),
  -- Counts are positive, so a row holds exactly this batch's count only if this batch made it. Every
  -- pattern is here, also without a new agent, so that patterns wait for all of pattern_agents.
  new_agent as (
    select m.fingerprint, count(g.fingerprint) as agent_count
      from merged_agent m
      left join agent g using (fingerprint, agent_id, observation_count)
     group by m.fingerprint
  )
  insert into central.patterns as p
    (fingerprint, pattern, observation_count, agent_count, source_count, source_ids,
     confidence_max, confidence_sum, first_learned_at, last_learned_at)
  select o.fingerprint, d.pattern, o.observation_count, n.agent_count, 1, array[p_source_id],
         o.confidence_max, o.confidence_sum, o.first_learned_at, o.last_learned_at
    from (
      select b.fingerprint,
             count(*) as observation_count,
             max(b.confidence) as confidence_max,
             sum(b.confidence) as confidence_sum,
             min(b.learned_at) as first_learned_at,
             max(b.learned_at) as last_learned_at
        from observation b
       group by b.fingerprint
    ) o
    join new_agent n using (fingerprint)
    -- Left: a pattern that was not sent is refused by its column, and not left out.
    left join rows from (
      pg_catalog.unnest(v_pattern_fingerprints),
      pg_catalog.unnest(v_patterns)
    ) as d (fingerprint, pattern) using (fingerprint)
   order by o.fingerprint
  on conflict (fingerprint) do update
    set observation_count = p.observation_count + excluded.observation_count,
        agent_count = p.agent_count + excluded.agent_count,
        source_count = p.source_count + (not p.source_ids @> excluded.source_ids)::integer,
        source_ids = case when p.source_ids @> excluded.source_ids then p.source_ids
                          else array(select s.id from pg_catalog.unnest(p.source_ids || excluded.source_ids) s (id)
                                      order by s.id) end,
        confidence_max = greatest(p.confidence_max, excluded.confidence_max),
        confidence_sum = p.confidence_sum + excluded.confidence_sum,
        first_learned_at = least(p.first_learned_at, excluded.first_learned_at),
        last_learned_at = greatest(p.last_learned_at, excluded.last_learned_at);

  duplicates := v_count - merged;
  return next;
end
$$;
revoke execute on function central.merge_patterns(
  uuid, text, bigint[], timestamptz[], jsonb, bytea[], text[], numeric[], timestamptz[], bytea[], jsonb[]) from public;
-- Folds a batch of session messages into the central store: one call, one transaction.
--
-- p_messages is a JSON array of the messages as they were sent; its n-th element has the n-th id and time.
--
-- Last writer wins, on the version that the source assigned: synced_at, then ulid. Two messages that
-- claim the same version are decided by a hash of their content, so that every order gives the same row.
-- A number in place of an identifier is its shortest numeral, so that 7, 7.0 and 70e-1 name the same.
-- With its owner's rights: the consumer may not write to the tables itself.
-- Locks: processed_messages by message, then agent_sessions by session.
-- No nested loops: a plan made for any number of messages would choose them, and take the square of it.
-- No compilation: it would take longer than the batch, and a nested loop that is needed all the same
-- (lateral) counts as so expensive that every call would be compiled.
create or replace function central.merge_sessions(
  p_source_id uuid,
  p_queue text,
  p_msg_ids bigint[],
  p_enqueued_ats timestamptz[],
  p_messages jsonb
)
returns table (merged integer, duplicates integer)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set enable_nestloop = off
set jit = off
as $$
declare
  v_lane_id constant integer := central.lane_id(p_source_id, p_queue);
begin
  return query
  with message as materialized (
    -- A message that is in the batch twice counts once, here as in the ledger.
    select distinct on (m.msg_id, m.enqueued_at) m.msg_id, m.enqueued_at, m.body
      from rows from (
        pg_catalog.unnest(p_msg_ids),
        pg_catalog.unnest(p_enqueued_ats),
        pg_catalog.jsonb_array_elements(p_messages)
      ) as m (msg_id, enqueued_at, body)
     order by m.msg_id, m.enqueued_at
  ),
  fresh as (
    insert into central.processed_messages (lane_id, msg_id, enqueued_at)
    select v_lane_id, m.msg_id, m.enqueued_at
      from message m
     order by m.msg_id, m.enqueued_at
    on conflict do nothing
    returning msg_id, enqueued_at
  ),
  version as (
    select m.body,
           case pg_catalog.jsonb_typeof(m.body -> 'session_id')
             when 'number' then pg_catalog.trim_scale((m.body -> 'session_id')::numeric)::text
             else m.body ->> 'session_id' end as session_id,
           (m.body ->> 'synced_at')::timestamptz as synced_at,
           m.body ->> 'ulid' as ulid,
           pg_catalog.sha256(pg_catalog.convert_to(m.body::text, 'UTF8')) as message_hash
      from fresh f
      join message m using (msg_id, enqueued_at)
  ),
  newest as (
    select distinct on (v.session_id) v.*
      from version v
     order by v.session_id, v.synced_at desc, coalesce(v.ulid, '') collate "C" desc, v.message_hash desc
  ),
  merged_session as (
    insert into central.agent_sessions as s
      (source_id, session_id, agent_id, confidence, session_state, sealed, ulid, synced_at, message_hash)
    select p_source_id, n.session_id,
           case pg_catalog.jsonb_typeof(n.body -> 'agent_id')
             when 'number' then pg_catalog.trim_scale((n.body -> 'agent_id')::numeric)::text
             else n.body ->> 'agent_id' end,
           pg_catalog.trim_scale(coalesce((n.body ->> 'confidence')::numeric, 0.5)),
           -- A JSON null means absent, and is not a value to store.
           nullif(n.body -> 'session_state', 'null'), nullif(n.body -> 'sealed', 'null'),
           n.ulid, n.synced_at, n.message_hash
      from newest n
     order by n.session_id
    on conflict (source_id, session_id) do update
      set agent_id = excluded.agent_id,
          confidence = excluded.confidence,
          session_state = excluded.session_state,
          sealed = excluded.sealed,
          ulid = excluded.ulid,
          synced_at = excluded.synced_at,
          message_hash = excluded.message_hash
      where (excluded.synced_at, coalesce(excluded.ulid, '') collate "C", excluded.message_hash)
          > (s.synced_at, coalesce(s.ulid, '') collate "C", s.message_hash)
  )
  select count(*)::integer,
         coalesce(pg_catalog.cardinality(p_msg_ids), 0) - count(*)::integer
    from fresh;
end
$$;
revoke execute on function central.merge_sessions(uuid, text, bigint[], timestamptz[], jsonb) from public;
-- The state that an operator's action has after p_verb, or null where it can't be: the same table as
-- `nextState` of packages/db/src/actions/state.ts, which a test compares.
-- Locks: none.
create or replace function central.next_action_state(p_state text, p_verb text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select t.next
    from (values
      ('planned', 'start', 'running'),
      ('planned', 'pause', 'paused'),
      ('planned', 'cancel', 'cancelled'),
      ('planned', 'fail', 'failed'),
      ('running', 'start', 'running'),
      ('running', 'pause', 'paused'),
      ('running', 'cancel', 'cancelled'),
      ('running', 'finish', 'done'),
      ('running', 'fail', 'failed'),
      ('paused', 'resume', 'running'),
      ('paused', 'cancel', 'cancelled'),
      ('paused', 'finish', 'done'),
      ('paused', 'fail', 'failed'),
      ('failed', 'resume', 'running'),
      ('failed', 'cancel', 'cancelled'),
      ('cancelled', 'start', 'cancelled')
    ) as t (state, verb, next)
   where t.state = p_state
     and t.verb = p_verb;
$$;
revoke execute on function central.next_action_state(text, text) from public;
-- Enters what an operator is about to do, before its first change: who, what, why, and each queue of each source with
-- its bounds and how many messages it has now. One with an idempotency key that is known already is that one again.
-- p_parts: [{source_id, source_name, queue, selection, expected}].
-- With its owner's rights: operators may not write to the tables themselves, so that they can't change the record.
-- Idempotent by p_idempotency_key. Locks: none but those of its inserts.
create or replace function central.plan_operator_action(
  p_action text,
  p_actor text,
  p_reason text,
  p_selection jsonb,
  p_parts jsonb,
  p_os_user text default null,
  p_channel text default null,
  p_rate double precision default null,
  p_canary_count integer default null,
  p_idempotency_key text default null
)
returns table (action_id bigint, action_key uuid, is_new boolean)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  v_id bigint;
  v_key uuid;
  v_same boolean;
begin
  insert into central.operator_actions as a
    (actor, action, reason, selection, message_count, state, login, os_user, channel, rate, canary_count,
     canary_state, idempotency_key, expected_count)
  values
    (p_actor, p_action, p_reason, p_selection, 0, 'planned', session_user, p_os_user, p_channel, p_rate,
     p_canary_count, case when p_canary_count is not null then 'sending' end, p_idempotency_key,
     (select pg_catalog.sum((p.part ->> 'expected')::bigint)
        from pg_catalog.jsonb_array_elements(p_parts) p (part)))
  on conflict (idempotency_key) do nothing
  returning a.id, a.action_key into v_id, v_key;

  if v_id is null then
    select a.id, a.action_key, a.action = p_action and a.reason = p_reason
      into v_id, v_key, v_same
      from central.operator_actions a
     where a.idempotency_key = p_idempotency_key;
    if v_same is not true then
      raise exception 'the idempotency key is that of action %, which is another one', v_id
        using errcode = 'unique_violation';
    end if;
    return query select v_id, v_key, false;
    return;
  end if;

  insert into central.operator_action_parts
    (action_id, source_id, source_name, queue, selection, expected_count, moved_count, merged_count,
     refused_count, detail)
  select v_id, (p.part ->> 'source_id')::uuid, p.part ->> 'source_name', p.part ->> 'queue', p.part -> 'selection',
         (p.part ->> 'expected')::bigint, 0, 0, 0, '{}'
    from pg_catalog.jsonb_array_elements(p_parts) p (part);

  insert into central.operator_action_events (action_id, event, actor, login, detail)
  values (v_id, 'planned', p_actor, session_user, '{}');

  return query select v_id, v_key, true;
end
$$;
revoke execute on function central.plan_operator_action(
  text, text, text, jsonb, jsonb, text, text, double precision, integer, text) from public;
-- Deletes ledger rows that no delivery can meet any more, at most p_limit of them, and says how many it took.
--
-- A row goes when both hold: its message was merged longer ago than p_retention (at least a day, which
-- outlives any stalled process), and its id is below p_below_msg_id, the lowest that the queue still holds
-- (or the next that it will give out). What went is kept as ranges without gaps, for messages that are sent
-- again from the archive (look_up_deliveries): a highest id alone would also speak for messages that this
-- store has never merged, because it is new or was restored. Failures of messages that have left the queue
-- go, too.
--
-- Only the p_limit rows with the lowest ids are looked at, so a call costs the same for any ledger. Ids and
-- times grow together; where they don't, the old rows behind young ones wait until those are old.
-- With its owner's rights: the consumer may not write to the tables itself.
-- Idempotent. Locks: the rows it deletes, by id; then the ranges that it lengthens or makes.
create or replace function central.prune_ledger(
  p_source_id uuid,
  p_queue text,
  p_below_msg_id bigint,
  p_retention interval default '1 day',
  p_limit integer default 10000
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  v_lane_id constant integer := central.lane_id(p_source_id, p_queue);
  v_count integer;
begin
  if p_retention < interval '1 day' then
    raise exception 'a ledger row must be kept for at least a day, not %', p_retention
      using errcode = 'invalid_parameter_value';
  end if;

  with lowest as materialized (
    select p.msg_id, p.enqueued_at, p.processed_at
      from central.processed_messages p
     where p.lane_id = v_lane_id and p.msg_id < p_below_msg_id
     order by p.msg_id, p.enqueued_at
     limit p_limit
  ),
  gone as (
    delete from central.processed_messages p
     using (select * from lowest o order by o.msg_id, o.enqueued_at) l
     where p.lane_id = v_lane_id and p.msg_id = l.msg_id and p.enqueued_at = l.enqueued_at
       and l.processed_at < pg_catalog.clock_timestamp() - p_retention
    returning p.msg_id, p.enqueued_at
  ),
  -- Ids that follow on each other have the same distance from their row's number.
  pruned as (
    select min(i.msg_id) as first_id, max(i.msg_id) as last_id,
           min(i.enqueued_at) as first_at, max(i.enqueued_at) as last_at, count(*) as rows
      from (
        select g.msg_id, g.enqueued_at, g.msg_id - pg_catalog.row_number() over (order by g.msg_id) as island
          from gone g
      ) i
     group by i.island
  ),
  lengthened as (
    update central.pruned_ranges r
       set last_msg_id = p.last_id,
           first_enqueued_at = least(r.first_enqueued_at, p.first_at),
           last_enqueued_at = greatest(r.last_enqueued_at, p.last_at)
      from pruned p
     where r.lane_id = v_lane_id and r.last_msg_id = p.first_id - 1
       -- Not a range of a queue that was made anew since.
       and p.first_at between r.first_enqueued_at and r.last_enqueued_at + interval '1 hour'
    returning p.first_id
  ),
  made as (
    insert into central.pruned_ranges (lane_id, first_msg_id, last_msg_id, first_enqueued_at, last_enqueued_at)
    select v_lane_id, p.first_id, p.last_id, p.first_at, p.last_at
      from pruned p
     where p.first_id not in (select l.first_id from lengthened l)
     order by p.first_id
    on conflict do nothing
  )
  select coalesce(sum(p.rows), 0)
    into v_count
    from pruned p;

  -- Of messages that have left the queue, and so are decided: left by a crash before forget_failures.
  delete from central.delivery_failures f
   where f.lane_id = v_lane_id and f.msg_id < p_below_msg_id;
  return v_count;
end
$$;
revoke execute on function central.prune_ledger(uuid, text, bigint, interval, integer) from public;
-- Raises the number of a claim above one that a source has of the action: the store has lost later claims than its own
-- (a failover to an asynchronous standby, a restored backup), and no source would let it go on. Only the runner that has the
-- action can; null: it does not have it.
-- With its owner's rights: operators may not write to the table themselves; and only the login that claimed the action is
-- its runner, whose name anybody can read.
-- Locks: the action's row.
create or replace function central.raise_operator_action_claim(p_action_id bigint, p_runner text, p_above integer)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  v_number integer;
begin
  update central.operator_actions a
     set claim_count = greatest(a.claim_count, least(p_above, 999999998) + 1)
   where a.id = p_action_id and a.runner = p_runner
     and exists (select
                   from central.operator_action_events e
                  where e.action_id = a.id and e.event = 'claimed' and e.actor = p_runner and e.login = session_user)
  returning a.claim_count into v_number;
  return v_number;
end
$$;
revoke execute on function central.raise_operator_action_claim(bigint, text, integer) from public;
-- Enters captured changes of a source into the change log, and gives how many were not there yet: any
-- change may be entered any number of times. p_changes is a JSON array of them.
--
-- Where p_lsn is given, everything of the source before it has been entered, this call included, and the
-- cursor goes there in the same transaction. A large transaction of the source comes in several calls of
-- one transaction here, the last of them with p_lsn: so others see all of it, or none.
-- With its owner's rights: who captures may not change or remove an entry.
-- Locks: the rows it inserts; then the row of capture_cursors; ensure_change_log_partition on a day's first.
create or replace function central.record_changes(
  p_source_id uuid,
  p_changes jsonb,
  p_lsn bigint default null,
  p_source_time timestamptz default null,
  p_timeline integer default null,
  p_reader text default null
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set jit = off
as $$
declare
  v_recorded integer := 0;
  v_day date;
begin
  for v_attempt in 1..2 loop
    begin
      insert into central.change_log
        (source_id, lsn, ordinal, xid, committed_at, table_name, operation, key, old_values, new_values,
         unchanged, agent_id)
      select p_source_id, c.lsn, c.ordinal, c.xid, c.committed_at, c.table_name, c.operation,
             c.key, c.old_values, c.new_values, c.unchanged,
             -- Longer ones are valid nowhere, and an index would refuse the longest.
             case when pg_catalog.length(a.agent_id) <= 512 then a.agent_id end
        from pg_catalog.jsonb_to_recordset(p_changes) as c (
               lsn bigint, ordinal integer, xid bigint, committed_at timestamptz, table_name text,
               operation text, key jsonb, old_values jsonb, new_values jsonb, unchanged text[]
             )
       cross join lateral (
         select coalesce(c.new_values ->> 'agent_id', c.old_values ->> 'agent_id', c.key ->> 'agent_id')
       ) a (agent_id)
      on conflict (source_id, lsn, ordinal, committed_at) do nothing;
      get diagnostics v_recorded = row_count;
      exit;
    exception
      -- There is no partition for a row, and so nothing was entered.
      when check_violation then
        if v_attempt = 2 then
          raise;
        end if;
        for v_day in
          select distinct (c.committed_at at time zone 'UTC')::date
            from pg_catalog.jsonb_to_recordset(p_changes) as c (committed_at timestamptz)
        loop
          perform central.ensure_change_log_partition(v_day);
        end loop;
    end;
  end loop;

  if p_lsn is not null then
    perform central.advance_capture_cursor(p_source_id, p_lsn, p_source_time, p_timeline, p_reader);
  end if;
  return v_recorded;
end
$$;
revoke execute on function central.record_changes(uuid, jsonb, bigint, timestamptz, integer, text) from public;
-- Notes one more failed attempt for each message, and returns all attempts of each so far, oldest first.
-- Only errors that may be the message's own come here; an outage is nobody's attempt.
-- Not idempotent: each call is one attempt. A crash before the answer arrives costs an attempt, no message.
-- With its owner's rights: the consumer may not write to the table itself.
-- Locks: none but its own new rows.
create or replace function central.record_failures(
  p_source_id uuid,
  p_queue text,
  p_consumer_id uuid,
  p_msg_ids bigint[],
  p_enqueued_ats timestamptz[],
  p_codes text[],
  p_messages text[]
)
returns table (ordinal integer, attempts jsonb)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  v_lane_id constant integer := central.lane_id(p_source_id, p_queue);
begin
  insert into central.delivery_failures (lane_id, msg_id, enqueued_at, consumer_id, error_code, error_message, failed_at)
  select v_lane_id, m.msg_id, m.enqueued_at, p_consumer_id, m.code, m.message, pg_catalog.clock_timestamp()
    from rows from (
      pg_catalog.unnest(p_msg_ids),
      pg_catalog.unnest(p_enqueued_ats),
      pg_catalog.unnest(p_codes),
      pg_catalog.unnest(p_messages)
    ) as m (msg_id, enqueued_at, code, message);

  return query
  select m.ordinal::integer, central.failures_as_attempts(v_lane_id, m.msg_id, m.enqueued_at)
    from rows from (
      pg_catalog.unnest(p_msg_ids),
      pg_catalog.unnest(p_enqueued_ats)
    ) with ordinality as m (msg_id, enqueued_at, ordinal)
   order by m.ordinal;
end
$$;
revoke execute on function
  central.record_failures(uuid, text, uuid, bigint[], timestamptz[], text[], text[]) from public;
-- Makes a source known, or says that it was seen again, for consumers of the version before, which do not say what
-- its server is: see claim_source. The name of a source whose server is known is left alone.
-- Called when a consumer connects, not once a batch: it locks the one row of that source.
-- With its owner's rights: the consumer may not write to the tables itself.
create or replace function central.register_source(p_source_id uuid, p_name text)
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into central.sources as s (source_id, name)
  values (p_source_id, pg_catalog.left(p_name, 200))
  on conflict (source_id) do update
    set name = case when s.database_oid is null then excluded.name else s.name end,
        last_seen_at = greatest(s.last_seen_at, excluded.last_seen_at);
$$;
revoke execute on function central.register_source(uuid, text) from public;
-- Lets a runner go of its action. p_verb: `finish` when everything was done, `fail` or `pause` with p_error where it
-- stopped, null to leave the state and let another runner go on. finished_at is set once the figures are final: of a
-- done action, and of one that was cancelled. Says the state that it has now; null where the runner does not have it.
-- With its owner's rights: operators may not write to the tables themselves; and only the login that claimed the action is
-- its runner, whose name anybody can read.
-- Locks: the action's row.
create or replace function central.release_operator_action(
  p_action_id bigint,
  p_runner text,
  p_verb text default null,
  p_error text default null
)
returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  v_action central.operator_actions;
  v_next text;
begin
  select a.* into v_action
    from central.operator_actions a
   where a.id = p_action_id and a.runner = p_runner
     and exists (select
                   from central.operator_action_events e
                  where e.action_id = a.id and e.event = 'claimed' and e.actor = p_runner and e.login = session_user)
     for update;
  if not found then
    return null;
  end if;
  -- One that was cancelled or paused meanwhile stays so, whatever its runner wanted.
  v_next := coalesce(central.next_action_state(v_action.state, p_verb), v_action.state);

  update central.operator_actions a
     set state = v_next,
         runner = null,
         lease_until = null,
         error = p_error,
         finished_at = case when v_next = 'done' or v_next = 'cancelled' and p_verb = 'finish'
                            then pg_catalog.clock_timestamp() end
   where a.id = p_action_id;

  if v_next <> v_action.state then
    insert into central.operator_action_events (action_id, event, actor, login, detail)
    values (p_action_id, v_next, p_runner, session_user,
            pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('error', p_error)));
  end if;
  return v_next;
end
$$;
revoke execute on function central.release_operator_action(bigint, text, text, text) from public;
-- What came of comparing an archive with the ledger, by the consumer that had claimed it. p_from_at null: everything is
-- in the store, and nothing is left to compare; else from where to compare again. Times are by the source's clock.
-- Returns whether it was taken down: not where a new epoch has begun, or somebody else has it now.
-- With its owner's rights: the consumer may not write to the table itself.
-- Locks: the row of archive_checks.
create or replace function central.report_archive_check(
  p_source_id uuid,
  p_queue text,
  p_consumer_id uuid,
  p_epoch_id bigint,
  p_from_at timestamptz,
  p_until_at timestamptz,
  p_missing_since timestamptz,
  p_missing_count integer,
  p_is_at_least boolean,
  p_is_compared boolean,
  p_problem text
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
begin
  update central.archive_checks k
     set from_at = p_from_at,
         until_at = p_until_at,
         missing_since = p_missing_since,
         missing_count = p_missing_count,
         is_at_least = p_is_at_least,
         problem = pg_catalog.left(p_problem, 1000),
         compared_at = case when p_is_compared then pg_catalog.clock_timestamp() else k.compared_at end,
         runner = null,
         lease_until = null
   where k.source_id = p_source_id and k.queue = p_queue
     and k.epoch_id = p_epoch_id and k.runner = p_consumer_id;
  return found;
end
$$;
revoke execute
   on function central.report_archive_check(uuid, text, uuid, bigint, timestamptz, timestamptz, timestamptz, integer,
                                            boolean, boolean, text)
 from public;
-- Keeps what keeps a source's reader from going on, such as a change that can't be decoded: so an operator
-- sees it also while nobody reads. central.advance_capture_cursor forgets it once the reader has gone on.
-- With its owner's rights: who captures may not write to the table itself.
-- Locks: the row of capture_cursors.
create or replace function central.report_capture_fault(p_source_id uuid, p_fault text)
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  update central.capture_cursors c set fault = p_fault where c.source_id = p_source_id;
$$;
revoke execute on function central.report_capture_fault(uuid, text) from public;
-- Keeps why the rest of a source's slot can't be read, where only reading it told that: so others know it,
-- too, and nobody tries again. central.begin_capture forgets it. Nothing happens where nothing is captured.
-- With its owner's rights: who captures may not write to the table itself.
-- Locks: the row of capture_cursors.
create or replace function central.report_capture_loss(p_source_id uuid, p_reason text)
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  update central.capture_cursors c set lost_reason = p_reason where c.source_id = p_source_id;
$$;
revoke execute on function central.report_capture_loss(uuid, text) from public;
-- A replica says that it lives, which session keys it holds, and whether it opens seals that name their session (an
-- older version says nothing of either); the first time, it is entered. Replicas that were silent for a day are
-- forgotten, and those whose last word is dated a day ahead, because the clock was set back. Also asked to find out whether the central store can be written to.
-- With its owner's rights: the consumer may not write to the table itself.
-- Idempotent. Locks: the replica's own row, and those it deletes unless another call has them.
create or replace function central.report_consumer(
  p_id uuid,
  p_version text,
  p_host text,
  p_held_keys jsonb default null,
  p_opens_bound_seals boolean default false
)
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  delete from central.consumers c
   where c.id in (
     select s.id
       from central.consumers s
      where not s.last_seen_at between pg_catalog.clock_timestamp() - interval '1 day'
                                   and pg_catalog.clock_timestamp() + interval '1 day'
        for update skip locked
   );

  insert into central.consumers as c (id, version, host, started_at, last_seen_at, held_keys, opens_bound_seals)
  values (p_id, p_version, p_host, pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), p_held_keys,
          p_opens_bound_seals)
  on conflict (id) do update
    set last_seen_at = excluded.last_seen_at,
        held_keys = excluded.held_keys,
        opens_bound_seals = excluded.opens_bound_seals;
$$;
revoke execute on function central.report_consumer(uuid, text, text, jsonb, boolean) from public;
-- Copies the figures that sources have told of an action's parts, and extends the lease of its runner; says what the
-- runner is to do now. No row: another runner has it, or nobody. Figures are whole, never increments, so saying them
-- twice says them once.
-- p_parts: [{source_id, queue, moved, merged, refused, remaining, detail, cursor_at, cursor_id, started_at, ended_at}].
-- With its owner's rights: operators may not write to the tables themselves; and only the login that claimed the action is
-- its runner, whose name anybody can read.
-- Idempotent. Locks: the action's row, then its parts'.
create or replace function central.report_operator_action(
  p_action_id bigint,
  p_runner text,
  p_lease interval,
  p_parts jsonb default '[]',
  p_canary_state text default null
)
returns table (state text, rate double precision, canary_state text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  v_action central.operator_actions;
begin
  select a.* into v_action
    from central.operator_actions a
   where a.id = p_action_id and a.runner = p_runner
     and exists (select
                   from central.operator_action_events e
                  where e.action_id = a.id and e.event = 'claimed' and e.actor = p_runner and e.login = session_user)
     for update;
  if not found then
    return;
  end if;

  update central.operator_action_parts p
     set moved_count = (f.part ->> 'moved')::bigint,
         merged_count = (f.part ->> 'merged')::bigint,
         refused_count = (f.part ->> 'refused')::bigint,
         remaining_count = (f.part ->> 'remaining')::bigint,
         detail = coalesce(f.part -> 'detail', '{}'),
         cursor_at = (f.part ->> 'cursor_at')::timestamptz,
         cursor_id = (f.part ->> 'cursor_id')::bigint,
         started_at = (f.part ->> 'started_at')::timestamptz,
         ended_at = (f.part ->> 'ended_at')::timestamptz
    from pg_catalog.jsonb_array_elements(p_parts) f (part)
   where p.action_id = p_action_id
     and p.source_id = (f.part ->> 'source_id')::uuid
     and p.queue = f.part ->> 'queue';

  if p_canary_state is distinct from v_action.canary_state and p_canary_state is not null then
    insert into central.operator_action_events (action_id, event, actor, login, detail)
    values (p_action_id, 'canary', p_runner, session_user, pg_catalog.jsonb_build_object('state', p_canary_state));
  end if;

  update central.operator_actions a
     set message_count = (select least(coalesce(pg_catalog.sum(p.moved_count), 0), 2147483647)
                            from central.operator_action_parts p where p.action_id = a.id),
         lease_until = pg_catalog.clock_timestamp() + p_lease,
         canary_state = coalesce(p_canary_state, a.canary_state)
   where a.id = p_action_id
  returning a.* into v_action;

  return query select v_action.state, v_action.rate, v_action.canary_state;
end
$$;
revoke execute on function central.report_operator_action(bigint, text, interval, jsonb, text) from public;
-- A replica says what its /readyz answers: its lanes, what they wait for, and their faults. Nothing happens where the replica
-- is not entered (report_consumer): it has been forgotten, and enters itself again.
-- With its owner's rights: the consumer may not write to the table itself.
-- Idempotent. Locks: the replica's own row.
create or replace function central.report_readiness(p_id uuid, p_readiness jsonb)
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  update central.consumers c
     set readiness = p_readiness,
         readiness_at = pg_catalog.clock_timestamp()
   where c.id = p_id;
$$;
revoke execute on function central.report_readiness(uuid, jsonb) from public;
-- A replica that stops in order takes itself off the list.
-- With its owner's rights: the consumer may not write to the table itself.
-- Idempotent. Locks: the replica's own row.
create or replace function central.retire_consumer(p_id uuid)
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
  delete from central.consumers c where c.id = p_id;
$$;
revoke execute on function central.retire_consumer(uuid) from public;
-- What the store says of itself, so that a consumer notices when it is another one than it was, or was interrupted:
-- the server's system identifier, its timeline and start; when a crash was recovered from (a server whose own
-- processes were killed goes on without a new start, and forgets its statistics); the database; the file of the
-- ledger, which a restored dump and a truncated ledger replace. What the server does not tell is null.
-- With its owner's rights: not everybody may ask for each of them.
-- Locks: none. Reads only.
create or replace function central.store_facts()
returns table (
  system_id text,
  timeline integer,
  server_started_at timestamptz,
  recovered_at timestamptz,
  database_oid bigint,
  ledger_file bigint
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  begin
    select c.system_identifier::text into system_id from pg_catalog.pg_control_system() c;
  exception
    -- Some services that run servers keep it from everybody.
    when others then system_id := null;
  end;
  if not pg_catalog.pg_is_in_recovery() then
    timeline := ('x' || pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))::bit(32)::integer;
  end if;
  server_started_at := pg_catalog.pg_postmaster_start_time();
  select b.stats_reset into recovered_at from pg_catalog.pg_stat_bgwriter b;
  select d.oid::bigint into database_oid
    from pg_catalog.pg_database d
   where d.datname = pg_catalog.current_database();
  ledger_file := pg_catalog.pg_relation_filenode('central.processed_messages')::bigint;
  return next;
end
$$;
revoke execute on function central.store_facts() from public;
-- Patterns that several independent sources agree on: at least three, with a mean confidence of at least 0.95.
create or replace view central.consensus_patterns as
select p.fingerprint,
       p.pattern,
       p.observation_count,
       p.agent_count,
       p.source_count,
       p.confidence_max,
       p.confidence_mean,
       p.first_learned_at,
       p.last_learned_at
  from central.patterns p
 where p.source_count >= 3
   and p.confidence_mean >= 0.95;
-- How many sessions of the store are sealed for each key: those keys must stay on the ring. For whoever may see neither
-- states nor seals.
create or replace view central.session_key_usage as
select s.sealed ->> 'key_id' as key_id,
       count(*) as session_count
  from central.agent_sessions s
 where s.sealed is not null
 group by 1;
-- Who captures changes enters them through functions only, and never changes or removes an entry. It asks whether a
-- database is the source that it says, and says which server that is only where nobody has: a claim moves the lanes of consumers.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_auditor') is null then
    return;
  end if;

  grant usage on schema central to centralcloud_auditor;
  grant select on central.sources, central.change_log, central.capture_cursors to centralcloud_auditor;
  grant execute
     on function central.judge_source(uuid, text, bigint, integer, timestamptz, text, text[], uuid),
                 central.claim_captured_source(uuid, text, text, bigint, integer, timestamptz, text, text[]),
                 central.begin_capture(uuid, text, text, text, text, integer, bigint, timestamptz, text, text, bigint),
                 central.record_changes(uuid, jsonb, bigint, timestamptz, integer, text),
                 central.advance_capture_cursor(uuid, bigint, timestamptz, integer, text, bigint),
                 central.report_capture_loss(uuid, text),
                 central.report_capture_fault(uuid, text),
                 central.mark_capture_gap(uuid, text, bigint, bigint, timestamptz, text, text),
                 central.end_capture(uuid, text, text),
                 central.maintain_change_log(integer)
     to centralcloud_auditor;
end
$$;
-- The consumer writes through functions only: the merges run with their owner's rights, so that a source's
-- messages get into the store in no other way. What is in the store it may read.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_consumer') is null then
    return;
  end if;

  grant usage on schema central to centralcloud_consumer;
  grant execute
     on function central.register_source(uuid, text),
                 central.judge_source(uuid, text, bigint, integer, timestamptz, text, text[], uuid),
                 central.claim_source(uuid, text, text, bigint, integer, timestamptz, text, text[], uuid),
                 central.confirm_sources(uuid, jsonb),
                 central.doubt_epoch(uuid, bigint),
                 central.confirm_epoch(uuid, bigint, jsonb, text[]),
                 central.claim_archive_check(uuid, text, uuid),
                 central.find_missing_messages(uuid, text, bigint[], timestamptz[]),
                 central.report_archive_check(uuid, text, uuid, bigint, timestamptz, timestamptz, timestamptz, integer,
                                              boolean, boolean, text),
                 central.merge_patterns(uuid, text, bigint[], timestamptz[], jsonb, bytea[], text[], numeric[], timestamptz[],
                                        bytea[], jsonb[]),
                 central.merge_sessions(uuid, text, bigint[], timestamptz[], jsonb),
                 central.merge_knowledge(uuid, text, bigint[], timestamptz[], jsonb),
                 central.look_up_deliveries(uuid, text, bigint[], timestamptz[], boolean[]),
                 central.record_failures(uuid, text, uuid, bigint[], timestamptz[], text[], text[]),
                 central.forget_failures(uuid, text, bigint[], timestamptz[]),
                 central.prune_ledger(uuid, text, bigint, interval, integer),
                 central.report_consumer(uuid, text, text, jsonb, boolean),
                 central.report_readiness(uuid, jsonb),
                 central.retire_consumer(uuid)
     to centralcloud_consumer;
  grant select
     on central.sources, central.lanes, central.processed_messages, central.patterns, central.pattern_agents,
        central.agent_sessions, central.agent_knowledge, central.knowledge_summaries,
        central.consensus_patterns, central.consumers, central.epochs, central.archive_checks
     to centralcloud_consumer;
end
$$;
-- What an operator needs of the central store: to see what a viewer sees, and to plan, run and control actions by functions
-- that write down who did it. The record itself is only added to: an operator may neither change nor remove a line of it.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_operator') is null then
    return;
  end if;

  grant usage on schema central to centralcloud_operator;
  grant select
     on central.sources, central.lanes, central.processed_messages, central.pruned_ranges, central.patterns,
        central.pattern_agents, central.consensus_patterns, central.agent_knowledge, central.knowledge_summaries,
        central.delivery_failures, central.change_log, central.capture_cursors, central.consumers, central.epochs,
        central.archive_watermarks, central.archive_checks, central.operator_actions, central.operator_action_parts,
        central.operator_action_events, central.session_key_usage
     to centralcloud_operator;
  grant select (source_id, session_id, agent_id, confidence, ulid, synced_at) on central.agent_sessions to centralcloud_operator;
  grant usage on schema centralcloud_migrations to centralcloud_operator;
  grant select
     on centralcloud_migrations.comparisons, centralcloud_migrations.migrations, centralcloud_migrations.objects
     to centralcloud_operator;
  grant execute
     on function central.doubt_epoch(uuid, bigint),
                 central.judge_source(uuid, text, bigint, integer, timestamptz, text, text[], uuid),
                 central.look_up_deliveries(uuid, text, bigint[], timestamptz[], boolean[]),
                 central.plan_operator_action(text, text, text, jsonb, jsonb, text, text, double precision, integer, text),
                 central.claim_operator_action(bigint, text, interval),
                 central.raise_operator_action_claim(bigint, text, integer),
                 central.report_operator_action(bigint, text, interval, jsonb, text),
                 central.release_operator_action(bigint, text, text, text),
                 central.control_operator_action(bigint, text, text, double precision, text),
                 central.adopt_source(uuid, text, text, bigint, integer, timestamptz, text, text, text)
     to centralcloud_operator;
end
$$;
-- What a viewer sees of the central store: everything but the states of sessions, plain or sealed, and what tells two of
-- them apart. Columns are named, so that none of the future is among them.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_viewer') is null then
    return;
  end if;

  grant usage on schema central to centralcloud_viewer;
  grant select
     on central.sources, central.lanes, central.processed_messages, central.pruned_ranges, central.patterns,
        central.pattern_agents, central.consensus_patterns, central.agent_knowledge, central.knowledge_summaries,
        central.delivery_failures, central.change_log, central.capture_cursors, central.consumers, central.epochs,
        central.archive_watermarks, central.archive_checks, central.operator_actions, central.operator_action_parts,
        central.operator_action_events, central.session_key_usage
     to centralcloud_viewer;
  grant select (source_id, session_id, agent_id, confidence, ulid, synced_at) on central.agent_sessions to centralcloud_viewer;
  grant usage on schema centralcloud_migrations to centralcloud_viewer;
  grant select
     on centralcloud_migrations.comparisons, centralcloud_migrations.migrations, centralcloud_migrations.objects
     to centralcloud_viewer;
  grant execute
     on function central.doubt_epoch(uuid, bigint),
                 central.judge_source(uuid, text, bigint, integer, timestamptz, text, text[], uuid),
                 central.look_up_deliveries(uuid, text, bigint[], timestamptz[], boolean[])
     to centralcloud_viewer;
end
$$;
insert into centralcloud_migrations.objects (plane, checksum) values ('central', '9c1cd0a8628b25620f1867cf108b4612ed466f357361a97ab21e461eaa469fd8');
commit;
