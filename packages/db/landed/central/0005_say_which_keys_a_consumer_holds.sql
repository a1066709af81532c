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
-- Locks: an advisory lock against doing it twice, and change_log in share update exclusive mode, both until
-- the end of the transaction.
create or replace function central.ensure_change_log_partition(p_day date)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_name constant text := 'change_log_' || pg_catalog.to_char(p_day, 'YYYYMMDD');
begin
  if pg_catalog.to_regclass('central.' || v_name) is not null then
    return;
  end if;
  -- "cccl" in ASCII.
  perform pg_catalog.pg_advisory_xact_lock(1667457900);
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
-- p_messages is a JSON array of the messages as they were sent; its n-th element has the n-th id and
-- time. Numbers go from there straight into numeric or jsonb, so they keep every digit.
--
-- A number in place of an identifier is its shortest numeral, so that 7, 7.0 and 70e-1 name the same.
-- Exactly once: a message counts only if its ledger row is new, and both are committed together. Nearly
-- always all are new, so the ledger takes them with the cheapest insert that fails where one is not; only
-- then it is asked for each (that costs a rolled-back subtransaction), and the others go on.
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
  p_messages jsonb
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
  v_fresh jsonb := p_messages;
  v_count integer;
begin
  if coalesce(pg_catalog.jsonb_array_length(p_messages), 0) <> coalesce(pg_catalog.cardinality(p_msg_ids), 0) then
    raise exception 'there are % ids for % messages',
      coalesce(pg_catalog.cardinality(p_msg_ids), 0), coalesce(pg_catalog.jsonb_array_length(p_messages), 0)
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
    get diagnostics v_count = row_count;
  exception
    when unique_violation then
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
        into v_count, v_fresh
        from fresh f
        join message m using (msg_id, enqueued_at);
  end;

  with observation as materialized (
    select pg_catalog.sha256(pg_catalog.convert_to((m.body -> 'pattern')::text, 'UTF8')) as fingerprint,
           m.body -> 'pattern' as pattern,
           case pg_catalog.jsonb_typeof(m.body -> 'agent_id')
             when 'number' then pg_catalog.trim_scale((m.body -> 'agent_id')::numeric)::text
             else m.body ->> 'agent_id' end as agent_id,
           pg_catalog.trim_scale(coalesce((m.body ->> 'confidence')::numeric, 0.5)) as confidence,
           (m.body ->> 'learned_at')::timestamptz as learned_at
      from pg_catalog.jsonb_array_elements(v_fresh) as m (body)
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
  select o.fingerprint, o.pattern, o.observation_count, n.agent_count, 1, array[p_source_id],
         o.confidence_max, o.confidence_sum, o.first_learned_at, o.last_learned_at
    from (
      select b.fingerprint,
             (pg_catalog.array_agg(b.pattern))[1] as pattern,
             count(*) as observation_count,
             max(b.confidence) as confidence_max,
             sum(b.confidence) as confidence_sum,
             min(b.learned_at) as first_learned_at,
             max(b.learned_at) as last_learned_at
        from observation b
       group by b.fingerprint
    ) o
    join new_agent n using (fingerprint)
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

  merged := v_count;
  duplicates := coalesce(pg_catalog.cardinality(p_msg_ids), 0) - v_count;
  return next;
end
$$;
revoke execute on function central.merge_patterns(uuid, text, bigint[], timestamptz[], jsonb) from public;
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
-- Makes a source known, or says that it was seen again, possibly under a new name.
-- Called when a consumer connects, not once a batch: it locks the one row of that source.
-- With its owner's rights: the consumer may not write to the tables itself.
create or replace function central.register_source(p_source_id uuid, p_name text)
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into central.sources as s (source_id, name)
  values (p_source_id, p_name)
  on conflict (source_id) do update
    set name = excluded.name,
        last_seen_at = greatest(s.last_seen_at, excluded.last_seen_at);
$$;
revoke execute on function central.register_source(uuid, text) from public;
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
-- A replica says that it lives, and which session keys it holds; the first time, it is entered. Replicas that were silent for a day are
-- forgotten, and those whose last word is dated a day ahead, because the clock was set back. Also asked to find out whether the central store can be written to.
-- With its owner's rights: the consumer may not write to the table itself.
-- Idempotent. Locks: the replica's own row, and those it deletes unless another call has them.
create or replace function central.report_consumer(
  p_id uuid,
  p_version text,
  p_host text,
  p_held_keys jsonb default null
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

  insert into central.consumers as c (id, version, host, started_at, last_seen_at, held_keys)
  values (p_id, p_version, p_host, pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), p_held_keys)
  on conflict (id) do update
    set last_seen_at = excluded.last_seen_at,
        held_keys = excluded.held_keys;
$$;
revoke execute on function central.report_consumer(uuid, text, text, jsonb) from public;
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
-- Who captures changes enters them through functions only, and never changes or removes an entry.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_auditor') is null then
    return;
  end if;

  grant usage on schema central to centralcloud_auditor;
  grant select on central.sources, central.change_log, central.capture_cursors to centralcloud_auditor;
  grant execute
     on function central.begin_capture(uuid, text, text, text, text, integer, bigint, timestamptz, text, text, bigint),
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
                 central.merge_patterns(uuid, text, bigint[], timestamptz[], jsonb),
                 central.merge_sessions(uuid, text, bigint[], timestamptz[], jsonb),
                 central.merge_knowledge(uuid, text, bigint[], timestamptz[], jsonb),
                 central.look_up_deliveries(uuid, text, bigint[], timestamptz[], boolean[]),
                 central.record_failures(uuid, text, uuid, bigint[], timestamptz[], text[], text[]),
                 central.forget_failures(uuid, text, bigint[], timestamptz[]),
                 central.prune_ledger(uuid, text, bigint, interval, integer),
                 central.report_consumer(uuid, text, text, jsonb),
                 central.retire_consumer(uuid)
     to centralcloud_consumer;
  grant select
     on central.sources, central.lanes, central.processed_messages, central.patterns, central.pattern_agents,
        central.agent_sessions, central.agent_knowledge, central.knowledge_summaries,
        central.consensus_patterns, central.consumers
     to centralcloud_consumer;
end
$$;
insert into centralcloud_migrations.objects (plane, checksum) values ('central', 'cb28ddc846cf749847cba55a7648bb7d6da08631f23166fd3fc01ae9a0b974d8');
commit;
