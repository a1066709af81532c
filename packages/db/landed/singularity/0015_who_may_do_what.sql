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
CREATE TABLE "agent_sessions" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"agent_id" text NOT NULL,
	"state" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"confidence" numeric DEFAULT '0.5' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_synced_at" timestamp with time zone,
	"unsynced" boolean DEFAULT true NOT NULL,
	"sync_error" text
);

CREATE TABLE "agent_tasks" (
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "agent_tasks_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"agent_id" text NOT NULL,
	"duration_ms" numeric,
	"status" text DEFAULT 'running' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"completed_at" timestamp with time zone,
	CONSTRAINT "agent_tasks_id_created_at_pk" PRIMARY KEY("id","created_at"),
	CONSTRAINT "duration_ms_is_not_negative" CHECK ("agent_tasks"."duration_ms" >= 0)
);

CREATE TABLE "agent_tasks_archive" (
	"id" bigint NOT NULL,
	"agent_id" text NOT NULL,
	"duration_ms" numeric,
	"status" text DEFAULT 'running' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"completed_at" timestamp with time zone,
	"archived_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "agent_tasks_archive_id_created_at_pk" PRIMARY KEY("id","created_at")
);

CREATE TABLE "agents" (
	"agent_id" text PRIMARY KEY NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"capacity" integer DEFAULT 10 NOT NULL,
	"known_patterns" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"pattern_count" integer DEFAULT 0 NOT NULL,
	"confidence" numeric,
	"knowledge_updated_at" timestamp with time zone,
	"knowledge_unsynced" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "agent_id_is_not_empty" CHECK ("agents"."agent_id" <> ''),
	CONSTRAINT "status_is_known" CHECK ("agents"."status" in ('active', 'inactive')),
	CONSTRAINT "capacity_is_not_negative" CHECK ("agents"."capacity" >= 0),
	CONSTRAINT "confidence_is_a_probability" CHECK ("agents"."confidence" between 0 and 1)
);

CREATE TABLE "analysis_results" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "analysis_results_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"agent_id" text,
	"result" jsonb,
	"confidence" numeric,
	"learned" boolean DEFAULT false,
	"learned_at" timestamp with time zone,
	"learn_error" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE "job_runs" (
	"run_id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "job_runs_run_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"job_name" text NOT NULL,
	"status" text NOT NULL,
	"result" jsonb,
	"error" text,
	"started_by" text NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"finished_at" timestamp with time zone NOT NULL,
	CONSTRAINT "status_is_known" CHECK ("job_runs"."status" in ('succeeded', 'failed', 'skipped'))
);

CREATE TABLE "learned_patterns" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "learned_patterns_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"analysis_id" bigint,
	"agent_id" text NOT NULL,
	"pattern" jsonb NOT NULL,
	"confidence" numeric NOT NULL,
	"learned_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"synced_at" timestamp with time zone,
	"sync_error" text,
	CONSTRAINT "learned_patterns_analysis_id_key" UNIQUE("analysis_id"),
	CONSTRAINT "agent_id_is_not_empty" CHECK ("learned_patterns"."agent_id" <> ''),
	CONSTRAINT "pattern_is_an_object" CHECK (jsonb_typeof("learned_patterns"."pattern") = 'object'),
	CONSTRAINT "confidence_is_a_probability" CHECK ("learned_patterns"."confidence" between 0 and 1)
);

CREATE TABLE "learning_sync_log" (
	"batch_id" text PRIMARY KEY NOT NULL,
	"pattern_count" integer DEFAULT 0 NOT NULL,
	"first_pattern_msg_id" bigint,
	"last_pattern_msg_id" bigint,
	"session_count" integer DEFAULT 0 NOT NULL,
	"first_session_msg_id" bigint,
	"last_session_msg_id" bigint,
	"status" text DEFAULT 'queued' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"delivered_at" timestamp with time zone,
	CONSTRAINT "status_is_known" CHECK ("learning_sync_log"."status" in ('queued', 'delivered')),
	CONSTRAINT "a_delivered_batch_has_its_time" CHECK (("learning_sync_log"."status" = 'delivered') = ("learning_sync_log"."delivered_at" is not null))
);

CREATE TABLE "pending_tasks" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "pending_tasks_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"agent_id" text,
	"task" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"priority" integer DEFAULT 0 NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"assigned_to" text,
	"assigned_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "status_is_known" CHECK ("pending_tasks"."status" in ('pending', 'assigned', 'completed', 'cancelled')),
	CONSTRAINT "an_assigned_task_has_an_agent" CHECK ("pending_tasks"."status" <> 'assigned' or "pending_tasks"."assigned_to" is not null)
);

CREATE TABLE "scheduled_jobs" (
	"job_name" text PRIMARY KEY NOT NULL,
	"schedule" text NOT NULL,
	"function_name" text NOT NULL,
	"description" text NOT NULL
);

CREATE TABLE "session_keys" (
	"key_id" text PRIMARY KEY NOT NULL,
	"algorithm" text NOT NULL,
	"public_key" "bytea" NOT NULL,
	"active" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"retired_at" timestamp with time zone,
	CONSTRAINT "a_retired_key_is_not_active" CHECK (not "session_keys"."active" or "session_keys"."retired_at" is null)
);

CREATE TABLE "singularity_source" (
	"singleton" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"source_id" uuid DEFAULT gen_random_uuid() NOT NULL,
	"name" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "there_is_one_source" CHECK ("singularity_source"."singleton"),
	CONSTRAINT "name_is_not_empty" CHECK ("singularity_source"."name" <> '')
);

CREATE INDEX "agent_sessions_agent_id_idx" ON "agent_sessions" USING btree ("agent_id");

CREATE INDEX "agent_sessions_unsynced_idx" ON "agent_sessions" USING btree ("id") WHERE "agent_sessions"."unsynced";

CREATE INDEX "agent_tasks_agent_id_created_at_idx" ON "agent_tasks" USING btree ("agent_id","created_at");

CREATE INDEX "agents_knowledge_unsynced_idx" ON "agents" USING btree ("agent_id") WHERE "agents"."knowledge_unsynced";

CREATE INDEX "analysis_results_unlearned_idx" ON "analysis_results" USING btree ("created_at","id") WHERE "analysis_results"."learned" is not true and "analysis_results"."learn_error" is null;

CREATE INDEX "job_runs_job_name_started_at_idx" ON "job_runs" USING btree ("job_name","started_at" DESC NULLS LAST);

CREATE INDEX "job_runs_started_at_idx" ON "job_runs" USING btree ("started_at");

CREATE INDEX "learned_patterns_agent_id_learned_at_idx" ON "learned_patterns" USING btree ("agent_id","learned_at");

CREATE INDEX "learned_patterns_unsynced_idx" ON "learned_patterns" USING btree ("id") WHERE "learned_patterns"."synced_at" is null;

CREATE INDEX "learning_sync_log_created_at_idx" ON "learning_sync_log" USING btree ("created_at");

CREATE INDEX "learning_sync_log_queued_idx" ON "learning_sync_log" USING btree ("batch_id") WHERE "learning_sync_log"."status" = 'queued';

CREATE INDEX "pending_tasks_waiting_idx" ON "pending_tasks" USING btree ("agent_id","priority" DESC NULLS LAST,"created_at","id") WHERE "pending_tasks"."status" = 'pending';

CREATE INDEX "pending_tasks_assigned_to_idx" ON "pending_tasks" USING btree ("assigned_to") WHERE "pending_tasks"."status" = 'assigned';

CREATE UNIQUE INDEX "session_keys_one_is_active" ON "session_keys" USING btree ("active") WHERE "session_keys"."active";

-- The identity of this database. Written here and nowhere else, so that it outlives every change of URL.
INSERT INTO "singularity_source" ("name") VALUES (current_database());
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('singularity', '0000_create_the_singularity_tables', 1795490799899);
-- Custom SQL migration file, put your code below! --;
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('singularity', '0001_notify_idle_consumers', 1795533605847);
-- Custom SQL migration file, put your code below! --;
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('singularity', '0002_carry_the_trace_of_the_application', 1795550686272);
ALTER TABLE "learned_patterns" DROP CONSTRAINT IF EXISTS "learned_patterns_analysis_id_key";

ALTER TABLE "agent_tasks_archive" DROP CONSTRAINT IF EXISTS "agent_tasks_archive_id_created_at_pk";

ALTER TABLE "agent_tasks_archive" ADD CONSTRAINT "agent_tasks_archive_id_created_at_archived_at_pk" PRIMARY KEY("id","created_at","archived_at");

ALTER TABLE "analysis_results" ADD COLUMN "learning_id" uuid;

ALTER TABLE "learned_patterns" ADD COLUMN "learning_id" uuid;

CREATE INDEX "learned_patterns_analysis_id_idx" ON "learned_patterns" USING btree ("analysis_id");
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('singularity', '0003_give_each_learning_an_identity', 1795955402062);
ALTER TABLE "scheduled_jobs" ADD COLUMN "step_function_name" text;

ALTER TABLE "scheduled_jobs" ADD COLUMN "longest_run" interval;
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('singularity', '0004_run_jobs_in_steps', 1795955709036);
-- A materialized view can't be replaced; it is made anew with the other objects.
drop materialized view if exists public.agent_performance_5min;
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('singularity', '0005_leave_out_durations_that_measure_nothing', 1795956610900);
-- Another result, and a parameter more.
DROP FUNCTION IF EXISTS "public"."publish_for_capture"(text[], text[]);
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('singularity', '0006_examine_captured_tables', 1795957675566);
drop materialized view if exists public.agent_performance_5min;

DROP FUNCTION IF EXISTS public.queue_unsynced_patterns(integer);

DROP FUNCTION IF EXISTS public.queue_unsynced_sessions(integer);

DROP INDEX IF EXISTS "agent_sessions_unsynced_idx";

DROP INDEX IF EXISTS "learned_patterns_unsynced_idx";

ALTER TABLE "agent_sessions" ADD COLUMN "sync_failed_at" timestamp with time zone;

ALTER TABLE "agents" ADD COLUMN "knowledge_error" text;

ALTER TABLE "agents" ADD COLUMN "knowledge_synced_at" timestamp with time zone;

ALTER TABLE "learned_patterns" ADD COLUMN "sync_failed_at" timestamp with time zone;

CREATE INDEX "agent_sessions_sync_next_idx" ON "agent_sessions" USING btree ("sync_failed_at" NULLS FIRST,"id") WHERE "agent_sessions"."unsynced";

CREATE INDEX "learned_patterns_sync_next_idx" ON "learned_patterns" USING btree ("sync_failed_at" NULLS FIRST,"id") WHERE "learned_patterns"."synced_at" is null;

UPDATE "agents" SET "pattern_count" = 0 WHERE "pattern_count" < 0;

ALTER TABLE "agents" ADD CONSTRAINT "pattern_count_is_not_negative" CHECK ("agents"."pattern_count" >= 0);
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('singularity', '0007_let_one_row_stop_no_other', 1795959003752);
CREATE TABLE "operator_action_progress" (
	"action_key" uuid NOT NULL,
	"queue" text NOT NULL,
	"action_id" bigint NOT NULL,
	"runner" text NOT NULL,
	"started_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"closed_at" timestamp with time zone,
	"cursor_at" timestamp with time zone,
	"cursor_id" bigint,
	"pass_number" integer DEFAULT 1 NOT NULL,
	"moved_count" bigint DEFAULT 0 NOT NULL,
	"merged_count" bigint DEFAULT 0 NOT NULL,
	"detail" jsonb DEFAULT '{}'::jsonb NOT NULL,
	CONSTRAINT "operator_action_progress_action_key_queue_pk" PRIMARY KEY("action_key","queue")
);
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('singularity', '0008_make_actions_durable', 1795979898067);
ALTER TABLE "session_keys" ADD COLUMN "binds" boolean DEFAULT true NOT NULL;

ALTER TABLE "session_keys" ADD COLUMN "data_key_secret" text DEFAULT encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex') NOT NULL;

-- Consumers of an older version may be at work, which can't open seals that name their session.
UPDATE "session_keys" SET "binds" = false;

DROP FUNCTION IF EXISTS public.seal_session_state(jsonb);

DROP FUNCTION IF EXISTS public.queue_agent_session(uuid);

DROP FUNCTION IF EXISTS public.count_that_fit(regclass, text, bigint[]);
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('singularity', '0009_bind_seals_to_their_session', 1795982333267);
CREATE TABLE "centralcloud_locks" (
	"lock_name" text PRIMARY KEY NOT NULL,
	"holder_pid" integer,
	"holder_key" bigint
);

INSERT INTO "centralcloud_locks" ("lock_name") VALUES
	('import dead letters'),
	('lead schedules'),
	('make slot'),
	('publish for capture'),
	('register schedules'),
	('update agent knowledge');
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('singularity', '0010_lock_rows_instead_of_advisory_locks', 1795983468310);
ALTER TABLE "singularity_source" ADD COLUMN "copied_until" timestamp with time zone;
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('singularity', '0011_know_sources_by_their_server', 1795984687037);
ALTER TABLE "centralcloud_locks" ALTER COLUMN "lock_name" SET DEFAULT gen_random_uuid()::text;
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('singularity', '0012_let_a_lost_lock_name_be_made_again', 1795986059010);
UPDATE "singularity_source" SET "name" = left("name", 200) WHERE length("name") > 200;

ALTER TABLE "singularity_source" ADD CONSTRAINT "name_is_not_too_long" CHECK (length("singularity_source"."name") <= 200);
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('singularity', '0013_bound_the_names_of_sources', 1795986269150);
ALTER TABLE "operator_action_progress" ADD COLUMN "claim_number" integer DEFAULT 0 NOT NULL;
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('singularity', '0014_number_the_claims_of_actions', 1796022566431);
ALTER TABLE "operator_action_progress" ADD COLUMN "login" text;
insert into centralcloud_migrations.migrations (plane, name, created_at) values ('singularity', '0015_who_may_do_what', 1796063892970);
set local check_function_bodies = off;
-- What an application may do on a Singularity database: its own tables, and the procedures made for it.
-- An application logs in as a role of its own that is a member of this one.
-- Roles belong to the server: another database of it may be making this one at the same moment.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_application') is null then
    create role centralcloud_application nologin;
  end if;
exception
  when duplicate_object or unique_violation then
    null;
  when insufficient_privilege then
    raise warning '% may not make the role centralcloud_application: %', current_user, sqlerrm
      using errcode = '01007'; -- warning_privilege_not_granted
end
$$;
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
-- Who runs the schedules. It may log in, because pg_cron runs a job only as a role that may; it has no
-- password, so that nobody else does.
-- Roles belong to the server: another database of it may be making this one at the same moment.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_jobs') is null then
    create role centralcloud_jobs login;
  end if;
exception
  when duplicate_object or unique_violation then
    null;
  when insufficient_privilege then
    raise warning '% may not make the role centralcloud_jobs: %', current_user, sqlerrm
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
-- Makes agent_tasks a hypertable where timescaledb is there to be used: installed already, or offered
-- by a server that has loaded it. A plain table elsewhere; both give the same results.
-- The Apache edition is enough. Idempotent; rows that are there already are moved into chunks, under
-- an exclusive lock of the table.
do $$
begin
  if not exists (select from pg_catalog.pg_extension e where e.extname = 'timescaledb') then
    if not exists (select from pg_catalog.pg_available_extensions e where e.name = 'timescaledb')
       or pg_catalog.current_setting('shared_preload_libraries') !~ '\mtimescaledb\M' then
      return;
    end if;
    create extension timescaledb;
  end if;
  execute $query$
    select public.create_hypertable('public.agent_tasks', 'created_at', if_not_exists => true, migrate_data => true)
  $query$;
end
$$;
-- What two steps of one run have done together: numbers are added up, of anything else the later one stays.
-- Both are arrays of one object.
create or replace function public.add_job_results(p_earlier jsonb, p_later jsonb)
returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.jsonb_build_array(coalesce(pg_catalog.jsonb_object_agg(
           coalesce(e.key, l.key),
           case
             when pg_catalog.jsonb_typeof(e.value) = 'number' and pg_catalog.jsonb_typeof(l.value) = 'number'
               then pg_catalog.to_jsonb(e.value::numeric + l.value::numeric)
             else coalesce(nullif(l.value, 'null'), e.value, 'null')
           end), '{}'))
    from pg_catalog.jsonb_each(p_earlier -> 0) e
    full join pg_catalog.jsonb_each(p_later -> 0) l on l.key = e.key;
$$;
revoke execute on function public.add_job_results(jsonb, jsonb) from public;
-- Makes one of CentralCloud's public keys known here, and on request the one that sessions are sealed for.
--
-- A key is taken in only if this database can seal for it, and never if it holds private material. Key
-- ids are not reused: the same key again changes nothing, another key under the same id is refused.
-- Activation retires the key that was active in the same transaction, so exactly one is active at any
-- time; a retired key may be activated again.
-- With its owner's rights: operators may not write to the table themselves.
-- Locks: session_keys against other changes, and not against sealing, which only reads.
create or replace function public.add_session_key(
  p_key_id text,
  p_algorithm text,
  p_public_key bytea,
  p_activate boolean default false
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_known public.session_keys;
begin
  if p_key_id is null or p_key_id !~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$' then
    raise exception 'a key id has 1 to 128 letters, digits, dots, colons, dashes and underscores, a letter or digit first';
  end if;

  lock table public.session_keys in share row exclusive mode;
  select k.* into v_known from public.session_keys k where k.key_id = p_key_id;
  if found and (v_known.algorithm, v_known.public_key) is distinct from (p_algorithm, p_public_key) then
    raise exception 'session key % is known already, with another public key', pg_catalog.quote_literal(p_key_id)
      using hint = 'Key ids are not reused; generate the new key under a new one.';
  end if;

  if p_algorithm = 'openpgp' then
    begin
      if public.openpgp_packet_tags(p_public_key) && array[5, 7] then
        raise exception 'it holds a private key; only the public one may come here';
      end if;
    exception when raise_exception or array_subscript_error then
      raise exception 'session key % can''t be used: %', pg_catalog.quote_literal(p_key_id),
        case sqlstate when 'P0001' then sqlerrm else 'it is not a whole OpenPGP key' end;
    end;
  elsif p_algorithm = 'x25519-sealedbox' and (pg_catalog.octet_length(p_public_key) is distinct from 32
      or p_public_key = pg_catalog.decode(pg_catalog.repeat('00', 32), 'hex')) then
    -- What is sealed for zero, anybody can open.
    raise exception 'session key % can''t be used: an X25519 key has 32 bytes, not all of them zero',
      pg_catalog.quote_literal(p_key_id);
  end if;
  -- Whether it works is found out here, and not by the sessions.
  begin
    if public.seal_bytes(p_algorithm, p_public_key, '\x00') is null then
      raise exception 'there is no key';
    end if;
  exception when others then
    raise exception 'session key % can''t be used: %', pg_catalog.quote_literal(p_key_id), sqlerrm;
  end;

  insert into public.session_keys (key_id, algorithm, public_key)
  values (p_key_id, p_algorithm, p_public_key)
  on conflict (key_id) do nothing;

  if p_activate then
    update public.session_keys k
       set active = false, retired_at = pg_catalog.clock_timestamp()
     where k.active and k.key_id <> p_key_id;
    update public.session_keys k
       set active = true, retired_at = null
     where not k.active and k.key_id = p_key_id;
  end if;
end
$$;
revoke execute on function public.add_session_key(text, text, bytea, boolean) from public;
-- Moves tasks that were completed 90 days ago (created, where the completion has no time) to the archive.
--
-- Deleting and inserting are one statement: a task is always in exactly one of the two tables. A task
-- that is in the archive already, the same in every column, is not entered twice. One that has only its
-- id and time in common with another is another task: ids come back where their sequence starts anew,
-- and applications may give the time. At most p_batch_size ×
-- p_max_batches a call; the next one goes on. May run any number of times.
-- Locks: the moved rows of agent_tasks, in the order of their ids; those that somebody else has locked stay.
create or replace function public.archive_completed_tasks(
  p_batch_size integer default 10000,
  p_max_batches integer default 1000
)
returns table (tasks_archived integer)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_before constant timestamptz := pg_catalog.now() - interval '90 days';
  -- Below every id: an application may have given negative ones.
  v_last_id bigint := -9223372036854775808;
  v_count integer;
  v_total integer := 0;
begin
  for v_batch in 1..p_max_batches loop
    with old as materialized (
      select t.id, t.created_at
        from public.agent_tasks t
       where t.id > v_last_id
         and t.status = 'completed'
         and coalesce(t.completed_at, t.created_at) < v_before
       order by t.id
       limit p_batch_size
         for update skip locked
    ),
    moved as (
      delete from public.agent_tasks t
       using old
       where t.id = old.id and t.created_at = old.created_at
      returning t.id, t.agent_id, t.duration_ms, t.status, t.created_at, t.completed_at
    ),
    archived as (
      insert into public.agent_tasks_archive
        (id, agent_id, duration_ms, status, created_at, completed_at, archived_at)
      select m.id, m.agent_id, m.duration_ms, m.status, m.created_at, m.completed_at, pg_catalog.clock_timestamp()
        from moved m
       where not exists (
         select from public.agent_tasks_archive a
          where a.id = m.id and a.created_at = m.created_at
            and (a.agent_id, a.duration_ms, a.status, a.completed_at)
                is not distinct from (m.agent_id, m.duration_ms, m.status, m.completed_at))
       order by m.id
    )
    select count(*), coalesce(max(m.id), v_last_id) into v_count, v_last_id from moved m;
    v_total := v_total + v_count;
    exit when v_count < p_batch_size;
  end loop;
  return query select v_total;
end
$$;
revoke execute on function public.archive_completed_tasks(integer, integer) from public;
-- The expression of the headers that a dead letter `g` keeps in an archive, and of its own id where archived_letter_id gives
-- it another one.
-- Locks: none. Makes a text only.
create or replace function public.archived_letter_headers(p_archive text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.format(
    'case when g.headers is null then ''{}''
          when jsonb_typeof(g.headers) = ''object'' then g.headers
          else jsonb_build_object(''headers'', g.headers) end
     || case when exists (select from pgmq.%1$I x where x.msg_id = g.msg_id)
             then jsonb_build_object(''archived_msg_id'', g.msg_id) else ''{}'' end',
    p_archive);
$$;
revoke execute on function public.archived_letter_headers(text) from public;
-- The expression of the id that a dead letter `g` gets in an archive: its own, or a free negative one where the archive has
-- that id already, from before the queue was recreated.
-- Locks: none. Makes a text only.
create or replace function public.archived_letter_id(p_archive text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.format(
    'case when exists (select from pgmq.%1$I x where x.msg_id = g.msg_id)
          then (select least(min(x.msg_id), 0) from pgmq.%1$I x) - row_number() over (order by g.msg_id)
          else g.msg_id end',
    p_archive);
$$;
revoke execute on function public.archived_letter_id(text) from public;
-- Gives waiting tasks to active agents that have room: the most urgent first, then the oldest.
--
-- An agent has room for its capacity less the tasks that it has, and takes at most 10 a call. A task
-- that names an agent waits for that one; one that names none goes to any agent, evenly. The result
-- counts what was assigned, and to how many agents.
-- Two callers never overfill an agent nor assign a task twice: each skips the agents and the tasks that
-- the other has locked.
-- Locks: the active agents in the order of their ids, then the chosen tasks in the order of theirs
-- (both skip locked).
create or replace function public.assign_pending_tasks()
returns table (tasks_assigned integer, agents_assigned integer)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_agent_ids text[];
begin
  v_agent_ids := array(
    select a.agent_id from public.agents a
     where a.status = 'active' and a.capacity > 0
     order by a.agent_id
       for no key update skip locked
  );

  -- A new statement, so that it counts what callers before us have assigned and committed.
  return query
  with room as (
    select a.agent_id, least(10, a.capacity - count(t.id))::integer as places
      from public.agents a
      left join public.pending_tasks t on t.assigned_to = a.agent_id and t.status = 'assigned'
     where a.agent_id = any (v_agent_ids)
     group by a.agent_id, a.capacity
    having a.capacity > count(t.id)
  ),
  own as (
    select r.agent_id, w.id, w.priority, w.created_at,
           pg_catalog.row_number() over (
             partition by r.agent_id order by w.priority desc, w.created_at, w.id
           ) as place
      from room r
     cross join lateral (
       select p.id, p.priority, p.created_at
         from public.pending_tasks p
        where p.status = 'pending' and p.agent_id = r.agent_id
        order by p.priority desc, p.created_at, p.id
        limit r.places
     ) w
  ),
  -- Each place of each agent, with the agent's own task for it, if there is one. Numbered from the
  -- place that is easiest to have: free ones, evenly over the agents, then the least urgent task's.
  place as (
    select r.agent_id, o.id, o.priority, o.created_at,
           pg_catalog.row_number() over (
             order by o.priority nulls first, o.created_at desc, o.id desc, p.place, r.agent_id
           ) as turn
      from room r
     cross join lateral pg_catalog.generate_series(1, r.places) as p (place)
      left join own o on o.agent_id = r.agent_id and o.place = p.place
  ),
  anybodys as (
    select w.id, w.priority, w.created_at,
           pg_catalog.row_number() over (order by w.priority desc, w.created_at, w.id) as turn
      from (
        select p.id, p.priority, p.created_at
          from public.pending_tasks p
         where p.status = 'pending' and p.agent_id is null
         order by p.priority desc, p.created_at, p.id
         limit (select sum(r.places) from room r)
      ) w
  ),
  -- The most urgent of anybody's tasks meets the easiest place, and has it where it comes before the
  -- agent's own task; as one list falls and the other rises, the most urgent tasks of all are chosen.
  choice as (
    select p.agent_id,
           case
             when p.id is null then a.id
             when a.priority > p.priority
               or (a.priority = p.priority and (a.created_at, a.id) < (p.created_at, p.id)) then a.id
             else p.id
           end as id
      from place p
      left join anybodys a using (turn)
  ),
  chosen as (
    select t.id, c.agent_id
      from choice c
      join public.pending_tasks t using (id)
     where t.status = 'pending'
     order by t.id
       for update of t skip locked
  ),
  assigned as (
    update public.pending_tasks t
       set status = 'assigned', assigned_to = c.agent_id, assigned_at = pg_catalog.clock_timestamp()
      from chosen c
     where t.id = c.id
    returning t.assigned_to
  )
  select count(*)::integer, count(distinct x.assigned_to)::integer
    from assigned x;
end
$$;
revoke execute on function public.assign_pending_tasks() from public;
-- Lets this session make the slot of this database, and no other until it ends; gives who does, in words, where that
-- is another: see hold_lock. No lock of a row: making a slot waits for every transaction that has one, ours included.
-- With its owner's rights: who captures may not write locks.
-- Locks: see hold_lock.
create or replace function public.begin_slot()
returns text
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
  -- "ccsl" in ASCII is the key of versions before.
  select public.hold_lock('make slot', 1667461996, 'public.begin_slot()');
$$;
revoke execute on function public.begin_slot() from public;
-- Whether a document can be part of another one, a few levels down. jsonb goes as deep as the server's stack,
-- and a document that is as deep as that can't be in another.
create or replace function public.can_be_nested(p_document jsonb)
returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Deeper than is needed, because the caller may be nearer to the stack's end.
  perform pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_array(
            pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('document', p_document)))));
  return true;
exception when program_limit_exceeded then
  return false;
end
$$;
revoke execute on function public.can_be_nested(jsonb) from public;
-- Removes job runs after 30 days. At most p_limit a call; the next one goes on. May run any number of times.
-- pg_cron's own log is cleared by a job of pg_cron: see packages/db/src/pg-cron.
-- Locks: the removed rows, in the order of their ids.
create or replace function public.cleanup_job_runs(p_limit integer default 100000)
returns table (rows_removed integer)
language sql
set search_path = pg_catalog, pg_temp
as $$
  with old as materialized (
    select r.run_id
      from public.job_runs r
     where r.started_at < pg_catalog.now() - interval '30 days'
     order by r.run_id
     limit p_limit
       for update skip locked
  ),
  removed as (
    delete from public.job_runs r
     using old
     where r.run_id = old.run_id
    returning 1
  )
  select count(*)::integer from removed;
$$;
revoke execute on function public.cleanup_job_runs(integer) from public;
-- Removes messages from the archives of our queues 90 days after they were archived.
--
-- Touches archive tables only: what waits in a queue, however old, is nobody's to delete. Queues of
-- others are left alone. At most p_batch_size × p_max_batches a queue and call; the next one goes on.
-- Each batch starts where the one before ended, because the index still holds what this transaction
-- has deleted. May run any number of times.
-- Locks: the removed rows, queue by queue, oldest first. Archives are only ever added to.
create or replace function public.cleanup_queue_archives(
  p_batch_size integer default 10000,
  p_max_batches integer default 1000
)
returns table (rows_removed integer)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_before constant timestamptz := pg_catalog.now() - interval '90 days';
  v_archive text;
  v_from timestamptz;
  v_count integer;
  v_total integer := 0;
begin
  for v_archive in
    select pgmq.format_table_name(m.queue_name, 'a')
      from pgmq.meta m
     where m.queue_name in (
             'centralcloud-new-patterns', 'centralcloud-new-patterns-dlq',
             'agent-sessions', 'agent-sessions-dlq',
             'agent-knowledge-updates', 'agent-knowledge-updates-dlq'
           )
     order by m.queue_name
  loop
    v_from := '-infinity';
    for v_batch in 1..p_max_batches loop
      execute pg_catalog.format(
        'with removed as (
           delete from pgmq.%1$I a
            where a.msg_id = any (array(
                    select o.msg_id from pgmq.%1$I o
                     where o.archived_at >= $1 and o.archived_at < $2
                     order by o.archived_at
                     limit $3))
           returning a.archived_at
         )
         select count(*), coalesce(max(r.archived_at), $1) from removed r',
        v_archive
      ) into v_count, v_from using v_from, v_before, p_batch_size;
      v_total := v_total + v_count;
      exit when v_count < p_batch_size;
    end loop;
  end loop;
  return query select v_total;
end
$$;
revoke execute on function public.cleanup_queue_archives(integer, integer) from public;
-- Removes batches of the sync log after 30 days, those that are still undelivered only after 90. At most
-- p_limit a call; the next one goes on. May run any number of times.
-- Locks: the removed rows, in the order of their batch_id; those that somebody else has locked stay.
create or replace function public.cleanup_sync_logs(p_limit integer default 10000)
returns table (rows_removed integer)
language sql
set search_path = pg_catalog, pg_temp
as $$
  with old as materialized (
    select l.batch_id
      from public.learning_sync_log l
     where l.created_at < pg_catalog.now()
             - case when l.status = 'delivered' then interval '30 days' else interval '90 days' end
     order by l.batch_id
     limit p_limit
       for update skip locked
  ),
  removed as (
    delete from public.learning_sync_log l
     using old
     where l.batch_id = old.batch_id
    returning 1
  )
  select count(*)::integer from removed;
$$;
revoke execute on function public.cleanup_sync_logs(integer) from public;
-- Lets a part of an operator's action move nothing more, whoever has it. Nothing is given where the runner does not have it.
-- With its owner's rights: operators may not write to the table themselves.
-- Idempotent. Locks: the part's row.
create or replace function public.close_action_part(p_action_key uuid, p_queue text, p_runner text)
returns setof public.operator_action_progress
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  update public.operator_action_progress p
     set closed_at = coalesce(p.closed_at, pg_catalog.clock_timestamp())
   where p.action_key = p_action_key and p.queue = p_queue and p.runner = p_runner and p.login = session_user
  returning p.*;
$$;
revoke execute on function public.close_action_part(uuid, text, text) from public;
-- Adds to the figures of a part of an operator's action, and gives the action's id. Called by the functions that move
-- messages, before they do, and with what they have moved: so nothing moves without a part that the login has open.
-- Locks: the part's row.
create or replace function public.count_action_part(
  p_action_key uuid,
  p_queue text,
  p_runner text,
  p_moved bigint default 0,
  p_merged bigint default 0
)
returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_action_id bigint;
begin
  update public.operator_action_progress p
     set moved_count = p.moved_count + p_moved,
         merged_count = p.merged_count + p_merged,
         updated_at = pg_catalog.clock_timestamp()
   where p.action_key = p_action_key and p.queue = p_queue and p.runner = p_runner and p.login = session_user and p.closed_at is null
  returning p.action_id into v_action_id;
  if not found then
    raise exception 'no open part of an action has queue % and runner %', p_queue, p_runner
      using errcode = 'invalid_parameter_value', hint = 'public.open_action_part opens one.';
  end if;
  return v_action_id;
end
$$;
revoke execute on function public.count_action_part(uuid, text, text, bigint, bigint) from public;
-- How many of the given rows, in this order, make messages that are sent together: as many as have 64 MiB of
-- JSON text between them, and one at least. p_column is the jsonb column that becomes a message.
--
-- A compressed document can be 256 times as large as it is stored. So nothing is unpacked as long as that
-- much would fit; else one document after another, up to the first that does not fit.
-- Locks: none. Reads only.
create or replace function public.count_that_fit(p_table regclass, p_column text, p_ids anyarray)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_most constant bigint := 67108864;
  v_total bigint := 0;
  v_bytes bigint;
begin
  execute pg_catalog.format(
    'select sum(pg_catalog.pg_column_size(t.%2$I)::bigint
                * case when pg_catalog.pg_column_compression(t.%2$I) is null then 1 else 256 end)
       from %1$s t where t.id = any ($1)',
    p_table, p_column
  ) into v_bytes using p_ids;
  if coalesce(v_bytes, 0) <= v_most then
    return pg_catalog.cardinality(p_ids);
  end if;

  for v_count in 1..pg_catalog.cardinality(p_ids) loop
    begin
      execute pg_catalog.format(
        'select case when pg_catalog.pg_column_compression(t.%2$I) is null then pg_catalog.pg_column_size(t.%2$I)
                     else pg_catalog.octet_length(t.%2$I::text) end
           from %1$s t where t.id = $1',
        p_table, p_column
      ) into v_bytes using p_ids[v_count];
    exception when others then
      -- Its text is larger than PostgreSQL can make one, or can't be read: it stands alone.
      v_bytes := v_most;
    end;
    v_total := v_total + coalesce(v_bytes, 0);
    if v_total > v_most then
      return greatest(v_count - 1, 1);
    end if;
  end loop;
  return pg_catalog.cardinality(p_ids);
end
$$;
revoke execute on function public.count_that_fit(regclass, text, anyarray) from public;
-- Makes a queue and its dead-letter sibling where they are missing, and sets both up for autovacuum.
--
-- A queue table turns over completely many times a day while it stays nearly empty, so a threshold
-- relative to its size would either never or always fire: a fixed one counts what died since. Vacuum
-- runs without its cost delay, because reading a queue slows with every dead row in front of the
-- first live one. The archive only grows: it is vacuumed by what was inserted, which keeps its
-- visibility map current.
--
-- The queue wakes an idle consumer by notify_idle_consumers.
--
-- A dead-letter queue is read by time, page by page, so it gets an index of (time, id); and by what its letters failed
-- with, so it gets one of (fingerprint, time, id), in which letters are that were there before fingerprints were.
-- Building them on one that is long makes those wait who send to it.
--
-- Grants each role what it needs on them, too: also for a queue that was made anew by pgmq.create, which
-- knows nothing of roles. The tables belong to whoever made them, so nobody else may call this.
create or replace function public.create_queue(p_queue text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_queue text;
  v_kind text;
begin
  foreach v_queue in array array[p_queue, p_queue || '-dlq'] loop
    -- Makes what is missing of it.
    if not exists (select from pgmq.meta m where m.queue_name = v_queue)
       or pg_catalog.to_regclass(pg_catalog.format('pgmq.%I', pgmq.format_table_name(v_queue, 'q'))) is null
       or pg_catalog.to_regclass(pg_catalog.format('pgmq.%I', pgmq.format_table_name(v_queue, 'a'))) is null then
      perform pgmq.create(v_queue);
    end if;
    execute pg_catalog.format(
      'alter table pgmq.%I set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, '
      'autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, '
      'autovacuum_analyze_threshold = 50000)',
      pgmq.format_table_name(v_queue, 'q')
    );
    execute pg_catalog.format(
      'alter table pgmq.%I set (autovacuum_vacuum_insert_scale_factor = 0, '
      'autovacuum_vacuum_insert_threshold = 100000)',
      pgmq.format_table_name(v_queue, 'a')
    );
    perform public.grant_queue(v_queue);
    -- Asked for the letter of a message, by the message's id as the letter has it. By hash: other clients may write a text
    -- of any length there, and a B-tree would refuse it.
    if v_queue like '%-dlq' then
      foreach v_kind in array array['q', 'a'] loop
        execute pg_catalog.format(
          'create index if not exists %I on pgmq.%I using hash ((message ->> ''original_message_id''))',
          pgmq.format_table_name(v_queue, v_kind) || '_original_id_idx',
          pgmq.format_table_name(v_queue, v_kind)
        );
      end loop;
    end if;
  end loop;
  -- Nobody waits for dead letters.
  execute pg_catalog.format(
    'create or replace trigger centralcloud_notify after insert on pgmq.%I '
    'for each statement execute function public.notify_idle_consumers()',
    pgmq.format_table_name(p_queue, 'q')
  );

  execute pg_catalog.format(
    'create index if not exists %I on pgmq.%I (enqueued_at, msg_id)',
    pgmq.format_table_name(p_queue || '-dlq', 'q') || '_enqueued_at_idx',
    pgmq.format_table_name(p_queue || '-dlq', 'q')
  );
  execute pg_catalog.format(
    'create index if not exists %I on pgmq.%I ((public.dead_letter_fingerprint(%L, message) collate "C"), '
    'enqueued_at, msg_id)',
    pgmq.format_table_name(p_queue || '-dlq', 'q') || '_fingerprint_idx',
    pgmq.format_table_name(p_queue || '-dlq', 'q'),
    p_queue
  );
end
$$;
revoke execute on function public.create_queue(text) from public;
-- What a dead letter failed with, as 16 hexadecimal digits: letters of one queue, reason and code are one group where
-- they have the same set of issues, whatever the rows of lists or keys of maps are called, or else where the text of
-- their error is the same but for what it quotes. Of the code `more` and of "(and 2 more)", which only count, nothing
-- is taken.
-- It is the expression of an index on each dead-letter queue, so it must never change: the same letter has the same
-- fingerprint in every version, at every source, in every locale (what is compared has the collation "C"). A better one
-- is a function of another name, and an index on that. It takes any JSON and raises nothing, because a letter that could
-- not be indexed could not be stored; what is long counts with its start.
-- It belongs to whoever migrates, as the queues do, and not to centralcloud_owner: indexes run it as the owner of their
-- table. Everybody may call it, since whoever stores a letter does; it reads nothing. Its cost keeps it from being worked out
-- row by row where the index answers.
create or replace function public.dead_letter_fingerprint(p_queue text, p_message jsonb)
returns text
language plpgsql
immutable
parallel safe
cost 2000
set search_path = pg_catalog, pg_temp
as $$
declare
  v_error constant jsonb := p_message -> 'error';
  v_issues constant jsonb := v_error -> 'issues';
  -- By columns, constraints and the like, PostgreSQL quotes names, and elsewhere values.
  v_named constant text :=
    '\m(relation|constraint|column|table|index|type|function|schema|sequence|trigger) "([A-Za-z_][A-Za-z0-9_]*)"';
  v_before text collate "C";
  v_cause text collate "C";
begin
  if pg_catalog.jsonb_typeof(v_issues) = 'array' then
    select pg_catalog.string_agg(i.issue, E'\n' order by i.issue)
      into v_cause
      from (
        select distinct
               -- agents[3].confidence and agents["7"].confidence are agents[].confidence; agents.7 is agents.*
               pg_catalog.regexp_replace(
                 '.' || pg_catalog.regexp_replace(
                          coalesce(pg_catalog.left(e.issue ->> 'path', 500), '') collate "C",
                          '\[("[^"]*"|[^]]*)\]', '[]', 'g'),
                 '\.[A-Za-z_]*[^A-Za-z_.[][^.[]*', '.*', 'g')
               || ' ' || coalesce(pg_catalog.left(e.issue ->> 'code', 100), '') as issue
          from (select a.issue from pg_catalog.jsonb_array_elements(v_issues) a (issue) limit 1000) e
         where e.issue ->> 'code' is distinct from 'more'
           and pg_catalog.jsonb_typeof(e.issue) = 'object'
      ) i;
  end if;

  if v_cause is null then
    v_cause := pg_catalog.left(
      coalesce(v_error ->> 'message', case when pg_catalog.jsonb_typeof(v_error) = 'string' then v_error #>> '{}' end, ''),
      2000) collate "C";
    v_cause := pg_catalog.regexp_replace(v_cause, ' \(and [0-9]+ more\)$', '');
    -- A value may have marks and brackets of its own, so it ends with the last one.
    v_cause := pg_catalog.regexp_replace(v_cause, '(=|contains )\(.*\)', '\1#');
    v_cause := pg_catalog.regexp_replace(v_cause, '(=|contains )\(.*$', '\1#');
    -- Names stand before the first value, and get marks of their own.
    v_before := pg_catalog.substring(v_cause, '^(?:[^"]*' || pg_catalog.replace(v_named, '(', '(?:') || ')*[^"]*');
    v_cause := pg_catalog.regexp_replace(v_before, v_named, E'\\1 \x02\\2\x03', 'g')
      || pg_catalog.regexp_replace(pg_catalog.regexp_replace(
           pg_catalog.substr(v_cause, pg_catalog.length(v_before) + 1), '^".*"', '#'), '^".*$', '#');
    v_cause := pg_catalog.regexp_replace(
      v_cause, '[\u00ab\u00bb\u2018-\u201f\u2039\u203a].*[\u00ab\u00bb\u2018-\u201f\u2039\u203a]', '#');
    v_cause := pg_catalog.regexp_replace(v_cause, '[\u00ab\u00bb\u201c-\u201f\u2039\u203a].*$', '#');
    v_cause := pg_catalog.regexp_replace(v_cause, E'(^|[^A-Za-z])''.*''', '\1#');
    -- Numbers, ids, addresses and bytes.
    v_cause := pg_catalog.regexp_replace(
      v_cause, E'(\x02[^\x03]*\x03)|[A-Za-z0-9_.:+-]*[0-9][A-Za-z0-9_.:+-]*', '\1#', 'g');
  end if;

  return pg_catalog.left(
    pg_catalog.encode(
      pg_catalog.sha256(pg_catalog.convert_to(
        pg_catalog.concat_ws(
          E'\n--\n', p_queue, coalesce(pg_catalog.left(p_message ->> 'reason', 200), ''),
          coalesce(pg_catalog.left(v_error ->> 'code', 200), ''), v_cause),
        'UTF8')),
      'hex'),
    16);
end
$$;
-- Whoever adds a dead letter runs it, for the index; where functions are nobody's by default, no letter could be added.
grant execute on function public.dead_letter_fingerprint(text, jsonb) to public;
-- The tables of a queue and of its dead letters, and whether those of the dead letters tell when a row was last read, as
-- newer versions of pgmq do: then it is a column more, written with a comma.
-- Locks: none. Reads the catalogs only.
create or replace function public.dead_letter_queue_tables(p_queue text)
returns table (queue text, archive text, letters text, letter_archive text, last_read text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select t.queue, t.archive, t.letters, t.letter_archive,
         case when (select count(*) = 2
                      from pg_catalog.pg_attribute a
                     where a.attrelid in (pg_catalog.to_regclass('pgmq.' || pg_catalog.quote_ident(t.letters)),
                                          pg_catalog.to_regclass('pgmq.' || pg_catalog.quote_ident(t.letter_archive)))
                       and a.attname = 'last_read_at' and not a.attisdropped)
              then ', last_read_at' else '' end
    from (select pgmq.format_table_name(p_queue, 'q') as queue,
                 pgmq.format_table_name(p_queue, 'a') as archive,
                 pgmq.format_table_name(p_queue || '-dlq', 'q') as letters,
                 pgmq.format_table_name(p_queue || '-dlq', 'a') as letter_archive) t;
$$;
revoke execute on function public.dead_letter_queue_tables(text) from public;
-- The number that up to ten characters of Crockford's base 32 stand for. Lower case is read as upper
-- case, I and L as 1, O as 0; any other character is an error.
create or replace function public.decode_base32(p_text text)
returns bigint
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_text constant text := pg_catalog.translate(pg_catalog.upper(p_text), 'ILO', '110');
  v_value bigint := 0;
  v_digit integer;
begin
  for v_index in 1 .. pg_catalog.length(v_text) loop
    v_digit := pg_catalog.strpos('0123456789ABCDEFGHJKMNPQRSTVWXYZ', pg_catalog.substr(v_text, v_index, 1)) - 1;
    if v_digit < 0 then
      raise exception '% is not base 32: character % is not one of its digits', p_text, v_index
        using errcode = '22023';
    end if;
    v_value := (v_value << 5) | v_digit;
  end loop;
  return v_value;
end
$$;
-- Who has one of our locks (see take_lock), in words; never null.
-- The row tells the transaction that locked it. Where that was part of a larger one and has ended, nothing tells whose
-- it was: then all are named that have locked or entered a row of the table.
-- Locks: none.
create or replace function public.describe_lock_holder(p_lock_name text)
returns text
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    public.describe_sessions(array(
      select h.pid
        from public.centralcloud_locks l
        join pg_catalog.pg_locks h on h.locktype = 'transactionid' and h.transactionid = l.xmax and h.granted
       where l.lock_name = p_lock_name)),
    public.describe_sessions(array(
      select h.pid
        from pg_catalog.pg_locks h
       where h.locktype = 'relation' and h.relation = 'public.centralcloud_locks'::regclass
         and h.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
         and h.mode in ('RowShareLock', 'RowExclusiveLock') and h.granted and h.pid <> pg_catalog.pg_backend_pid())),
    'a transaction that has just ended'
  );
$$;
revoke execute on function public.describe_lock_holder(text) from public;
-- What messages of agent-sessions, or of its archive, say of their sessions, without the states and the seals: for whoever
-- looks into the queue and may not have its messages. p_msg_ids: which ones; at most 1,000 are described.
-- description is null where a message is not an object; message_bytes is the length of its text.
-- With its owner's rights: viewers may not read the messages of sessions.
-- Locks: none. Reads only.
create or replace function public.describe_session_messages(p_archived boolean, p_msg_ids bigint[])
returns table (msg_id bigint, message_bytes integer, description jsonb)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- @plpgsql_check_options: extra_warnings = off
  return query execute pg_catalog.format(
    $statement$
    select m.msg_id, octet_length(m.message::text),
           case when jsonb_typeof(m.message) = 'object'
                then jsonb_strip_nulls(jsonb_build_object(
                       'agent_id', m.message -> 'agent_id', 'session_id', m.message -> 'session_id',
                       'synced_at', m.message -> 'synced_at', 'confidence', m.message -> 'confidence',
                       'ulid', m.message -> 'ulid',
                       'sealed', case when jsonb_typeof(m.message -> 'sealed') = 'object'
                                      then jsonb_build_object('alg', m.message -> 'sealed' -> 'alg',
                                                              'key_id', m.message -> 'sealed' -> 'key_id') end))
           end
      from pgmq.%I m
     where m.msg_id = any ($1[:1000])
    $statement$,
    pgmq.format_table_name('agent-sessions', case when p_archived then 'a' else 'q' end)
  ) using p_msg_ids;
end
$$;
revoke execute on function public.describe_session_messages(boolean, bigint[]) from public;
-- Names sessions of this server for an operator: process, login and application. Never what they run, since that may
-- hold contents. Everybody may see as much in pg_stat_activity. Null where there are none.
-- Locks: none.
create or replace function public.describe_sessions(p_pids integer[])
returns text
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.string_agg(s.words, ' and ' order by s.pid)
    from (
      select p.pid,
             case when p.pid = 0 then 'a prepared transaction (see pg_prepared_xacts)'
                  else 'process ' || p.pid
                    || coalesce(' of login ' || a.usename, '')
                    || coalesce(' (application ' || nullif(a.application_name, '') || ')', '')
             end as words
        from (select distinct u.pid from pg_catalog.unnest(p_pids) u (pid) where u.pid is not null) p
        left join pg_catalog.pg_stat_activity a on a.pid = p.pid
       order by p.pid
       limit 5
    ) s;
$$;
revoke execute on function public.describe_sessions(integer[]) from public;
-- Moves dead letters to the archive of their dead-letter queue, whose headers then say by which action; nothing is deleted,
-- and nothing sent. Their headers are kept as they were where what is added would hide that, so that restore_dead_letters
-- brings each back to the byte. Gives how many were moved: those that are there no more are not.
-- Counted in the open part of an operator's action (open_action_part), without which nothing moves.
-- With its owner's rights: operators may neither delete from queues nor write to their archives.
-- Locks: the part's row, then the dead letters in the order of their table.
create or replace function public.discard_dead_letters(
  p_action_key uuid,
  p_queue text,
  p_runner text,
  p_msg_ids bigint[]
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_action_id constant bigint := public.count_action_part(p_action_key, p_queue, p_runner);
  v_tables record;
  v_moved integer;
begin
  -- @plpgsql_check_options: security_warnings = off
  -- What is put into the statement as text are names and expressions that functions of ours make of the queue's name.
  select * into v_tables from public.dead_letter_queue_tables(p_queue);
  execute pg_catalog.format(
    $statement$
    with gone as (
      delete from pgmq.%1$I
       where msg_id = any ($1)
      returning msg_id, vt, read_ct, enqueued_at, message, headers %5$s
    ), archived as (
      insert into pgmq.%2$I (msg_id, vt, read_ct, enqueued_at, message, headers %5$s)
      select %3$s, g.vt, g.read_ct, g.enqueued_at, g.message,
             %4$s || jsonb_build_object('action', 'discard', 'action_id', $2)
               || case when g.headers is null
                            or jsonb_typeof(g.headers) = 'object' and g.headers <> '{}'
                               and not g.headers ?| array['action', 'action_id', 'archived_msg_id', 'headers_before']
                       then '{}'
                       else jsonb_build_object('headers_before', jsonb_build_array(g.headers)) end
             %5$s
        from gone g
    )
    select count(*) from gone
    $statement$,
    v_tables.letters, v_tables.letter_archive,
    public.archived_letter_id(v_tables.letter_archive), public.archived_letter_headers(v_tables.letter_archive),
    v_tables.last_read
  ) into v_moved using p_msg_ids, v_action_id;

  perform public.count_action_part(p_action_key, p_queue, p_runner, v_moved);
  return v_moved;
end
$$;
revoke execute on function public.discard_dead_letters(uuid, text, text, bigint[]) from public;
-- The lowest 5 × p_length bits of a number that is not negative, as so many characters of Crockford's
-- base 32 (no I, L, O or U), most significant first. p_length is at most 10.
-- In PL/pgSQL, whose plan lasts as long as the session: one in SQL is planned anew in each statement.
create or replace function public.encode_base32(p_value bigint, p_length integer)
returns text
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return pg_catalog.right(
    pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((p_value >> 45) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((p_value >> 40) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((p_value >> 35) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((p_value >> 30) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((p_value >> 25) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((p_value >> 20) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((p_value >> 15) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((p_value >> 10) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((p_value >> 5) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + (p_value & 31)::integer, 1),
    p_length
  );
end
$$;
-- Removes the publication of the captured tables; nothing happens where there is none. Its slot must have
-- been dropped before: no slot can be read without the publication that it was made for.
-- With its owner's rights, because only the publication's owner may drop it.
-- Locks: the published tables, until the end of the transaction.
create or replace function public.end_publication()
returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  drop publication if exists singularity_centralcloud_cdc;
$$;
revoke execute on function public.end_publication() from public;
-- Which of these tables can be captured, and which of their columns are. Where a table can't be, `problem`
-- says why: the same for every output plugin. One row a name; nothing is locked or changed.
--
-- A name without a schema is one of public. p_left_out names columns, as table.column, that are never
-- captured. Of agent_sessions only the columns named below are, so that neither its state nor a column of the
-- future is among them. `column_list` is null where all columns are captured.
-- PostgreSQL refuses an update or delete of a published row that it can't identify by what is published, and
-- no statement of an application must fail because of us. It identifies rows by their primary key, but not by
-- one that is deferrable. wal2json leaves such changes out without a word.
create or replace function public.examine_captured_tables(p_tables text[], p_left_out text[] default '{}')
returns table (name text, relation oid, column_list text[], problem text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select n.name, c.oid,
         case when a.published <> a.columns then a.published end,
         case
           when c.relkind is null then 'there is no such table'
           when c.relkind <> 'r' or exists (select from pg_catalog.pg_inherits h where h.inhparent = c.oid)
             then 'only an ordinary table can be captured, without partitions or children'
           when c.relpersistence <> 'p' then 'an unlogged or temporary table can''t be captured'
           when a.key_columns is null then 'it has no primary key'
           when not a.identifies then 'its primary key is deferrable'
           when c.relreplident not in ('d', 'f') then 'its replica identity is neither default nor full'
           when c.relreplident = 'f' and a.published <> a.columns
             then 'its replica identity is full, which columns that are left out do not allow; make it default'
           when not a.published @> a.key_columns then 'a column of its primary key is left out'
         end
    from (
      select distinct t.name,
             case when t.name like '%.%' then pg_catalog.split_part(t.name, '.', 1) else 'public' end as schema_name,
             case when t.name like '%.%' then pg_catalog.split_part(t.name, '.', 2) else t.name end as table_name
        from pg_catalog.unnest(p_tables) as t (name)
    ) n
    left join pg_catalog.pg_namespace s on s.nspname = n.schema_name
    left join pg_catalog.pg_class c on c.relnamespace = s.oid and c.relname = n.table_name
    left join lateral (
      select pg_catalog.array_agg(a.attname::text order by a.attnum) as columns,
             coalesce(pg_catalog.array_agg(a.attname::text order by a.attnum) filter (
               where (n.schema_name || '.' || n.table_name <> 'public.agent_sessions'
                      or a.attname in ('id', 'agent_id', 'confidence', 'created_at', 'last_synced_at', 'unsynced',
                                       'sync_error'))
                 and not n.name || '.' || a.attname = any (p_left_out)
             ), '{}') as published,
             pg_catalog.array_agg(a.attname::text) filter (where a.attnum = any (i.indkey)) as key_columns,
             pg_catalog.bool_and(i.indimmediate and i.indisvalid) as identifies
        from pg_catalog.pg_attribute a
        left join pg_catalog.pg_index i on i.indrelid = a.attrelid and i.indisprimary
       where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    ) a on true;
$$;
revoke execute on function public.examine_captured_tables(text[], text[]) from public;
-- The ids of messages of agent-sessions, or of its archive, that are of an agent or of a session: for whoever looks for them
-- and may not read the messages, which hold states and seals. Tells nothing of them but that; public.describe_session_messages
-- tells the rest. Compares whole identifiers, never a part of one: else whoever asks could find out what a state says.
--
-- An archive is looked through from p_since to p_until, by when messages were archived, a queue from p_first_id to
-- p_last_id; both ends belong to it. A message that is a JSON text of its object, as some clients send it, is looked into.
-- At most p_limit ids.
-- With its owner's rights: viewers may not read the messages of sessions.
-- Locks: none. Reads only.
create or replace function public.find_session_messages(
  p_archived boolean,
  p_agent_id text,
  p_session_id text,
  p_since timestamptz default '-infinity',
  p_until timestamptz default 'infinity',
  p_first_id bigint default 0,
  p_last_id bigint default 9223372036854775807,
  p_limit integer default 1000
)
returns table (msg_id bigint)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_body jsonb;
  v_id bigint;
  v_text text;
begin
  for v_id, v_text in execute pg_catalog.format(
    $statement$
    select m.msg_id, case when jsonb_typeof(m.message) = 'string' then m.message #>> '{}' end as inner_text
      from pgmq.%I m
     where %s
       and (jsonb_typeof(m.message) = 'string'
            or ($5 is null
                or case jsonb_typeof(m.message -> 'agent_id')
                     when 'number' then trim_scale((m.message -> 'agent_id')::numeric)::text
                     else m.message ->> 'agent_id' end = $5)
           and ($6 is null
                or case jsonb_typeof(m.message -> 'session_id')
                     when 'number' then trim_scale((m.message -> 'session_id')::numeric)::text
                     else m.message ->> 'session_id' end = $6))
    $statement$,
    pgmq.format_table_name('agent-sessions', case when p_archived then 'a' else 'q' end),
    case when p_archived then 'm.archived_at between $1 and $2' else 'm.msg_id between $3 and $4' end
  ) using p_since, p_until, p_first_id, p_last_id, p_agent_id, p_session_id
  loop
    if v_text is not null then
      begin
        v_body := v_text::jsonb;
      exception when others then
        -- Not JSON, or not such that it can be kept: it is nobody's message.
        continue;
      end;
      continue when (p_agent_id is not null and v_body ->> 'agent_id' is distinct from p_agent_id)
                 or (p_session_id is not null and v_body ->> 'session_id' is distinct from p_session_id);
    end if;
    msg_id := v_id;
    return next;
    p_limit := p_limit - 1;
    exit when p_limit <= 0;
  end loop;
end
$$;
revoke execute on function public.find_session_messages(
  boolean, text, text, timestamptz, timestamptz, bigint, bigint, integer) from public;
-- A ULID: 48 bits of milliseconds since 1970 and 80 bits of strong randomness, as 26 characters of
-- Crockford's base 32. https://github.com/ulid/spec
--
-- Monotonic within a session: in the same millisecond, or when the clock has gone back, the next one
-- is the last one plus one. The last one is kept in the session setting centralcloud.last_ulid; a
-- rolled-back transaction takes that back too, along with the ULIDs that it made.
-- Where pgx_ulid is installed, its generator does the work (and if that one lives in schema public, it
-- is public.gen_ulid already, and this file makes nothing).
-- Locks: none.
do $do$
declare
  v_extension_schema text;
begin
  select n.nspname into v_extension_schema
    from pg_catalog.pg_extension e
    join pg_catalog.pg_namespace n on n.oid = e.extnamespace
   where e.extname in ('pgx_ulid', 'ulid');

  if v_extension_schema = 'public' then
    return;
  end if;

  if v_extension_schema is not null then
    execute pg_catalog.format(
      $function$
        create or replace function public.gen_ulid()
        returns text
        language sql
        volatile
        set search_path = pg_catalog, pg_temp
        as $body$ select %I.gen_monotonic_ulid()::text $body$
      $function$,
      v_extension_schema
    );
    return;
  end if;

  create or replace function public.gen_ulid()
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  as $body$
  declare
    -- Milliseconds, and the randomness in two halves of 40 bits.
    v_ms bigint := pg_catalog.floor(extract(epoch from pg_catalog.clock_timestamp()) * 1000)::bigint;
    v_last text[] := pg_catalog.string_to_array(
      nullif(pg_catalog.current_setting('centralcloud.last_ulid', true), ''), ' ');
    v_high bigint;
    v_low bigint;
    v_random text;
    -- The largest number of 40 bits.
    v_max constant bigint := (1::bigint << 40) - 1;
  begin
    if v_last is not null and v_last[1]::bigint >= v_ms then
      v_ms := v_last[1]::bigint;
      v_high := v_last[2]::bigint;
      v_low := v_last[3]::bigint + 1;
      if v_low > v_max then
        v_low := 0;
        v_high := v_high + 1;
      end if;
      if v_high > v_max then
        v_high := 0;
        v_ms := v_ms + 1;
      end if;
    else
      -- gen_random_uuid draws from the strong generator, and fixes six bits of its own (version and
      -- variant, in digits 13 and 17): the first twelve and the last fifteen digits are all random.
      v_random := pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '');
      v_high := ('x' || pg_catalog.substr(v_random, 1, 10))::bit(40)::bigint;
      v_low := ('x' || pg_catalog.substr(v_random, 21, 10))::bit(40)::bigint;
    end if;
    perform pg_catalog.set_config('centralcloud.last_ulid', v_ms || ' ' || v_high || ' ' || v_low, false);
    return public.encode_base32(v_ms, 10) || public.encode_base32(v_high, 8) || public.encode_base32(v_low, 8);
  end
  $body$;
end
$do$;
-- So many ULIDs at once, in ascending order: the same as that many calls of gen_ulid, and much faster.
--
-- The first is made by gen_ulid, the others count on from it in the last 40 of its 80 random bits, as
-- the specification has it for ULIDs of one millisecond. Where those bits would not do (once in millions of
-- calls), or where pgx_ulid makes them, each is made by gen_ulid.
-- Locks: none.
create or replace function public.gen_ulids(p_count integer)
returns setof text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_first text;
  v_last text[];
  v_low bigint;
begin
  if p_count < 1 then
    return;
  end if;
  v_first := public.gen_ulid()::text;
  v_last := pg_catalog.string_to_array(
    nullif(pg_catalog.current_setting('centralcloud.last_ulid', true), ''), ' ');
  v_low := v_last[3]::bigint;
  if v_low is null or v_low + p_count >= (1::bigint << 40) then
    return next v_first;
    return query select public.gen_ulid()::text from pg_catalog.generate_series(2, p_count);
    return;
  end if;
  perform pg_catalog.set_config(
    'centralcloud.last_ulid', pg_catalog.format('%s %s %s', v_last[1], v_last[2], v_low + p_count - 1), false);
  return query
  select pg_catalog.left(v_first, 18)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((u.low >> 35) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((u.low >> 30) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((u.low >> 25) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((u.low >> 20) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((u.low >> 15) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((u.low >> 10) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((u.low >> 5) & 31)::integer, 1)
      || pg_catalog.substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + (u.low & 31)::integer, 1)
    from pg_catalog.generate_series(v_low, v_low + p_count - 1) as u (low);
end
$$;
-- Grants the roles that exist what they need on a queue: its sender, who is the owner of our objects, and
-- the consumer, who takes messages from a queue, archives them, and sends what can't be merged to its
-- dead-letter queue. Both also count what waits. Viewers and operators read, and of sessions neither messages nor archived
-- ones, which hold states and seals; dead letters they read whole, or nobody could tell what is wrong with them. To change
-- the visibility of a dead letter is what it takes to lock one: operators move them by functions only.
-- Locks: none; called by create_queue.
create or replace function public.grant_queue(p_queue text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_queue constant text := pgmq.format_table_name(p_queue, 'q');
  v_archive constant text := pgmq.format_table_name(p_queue, 'a');
  v_role text;
  v_table text;
  v_columns text;
begin
  -- @plpgsql_check_options: security_warnings = off
  -- The text is a list of quoted names of columns.
  if pg_catalog.to_regrole('centralcloud_owner') is not null then
    execute pg_catalog.format(
      'grant select, insert, update, delete on pgmq.%I, pgmq.%I to centralcloud_owner', v_queue, v_archive);
    execute pg_catalog.format('grant select on pgmq.%I to centralcloud_owner', v_queue || '_msg_id_seq');
  end if;

  if pg_catalog.to_regrole('centralcloud_consumer') is not null then
    if p_queue like '%-dlq' then
      execute pg_catalog.format('grant select, insert on pgmq.%I to centralcloud_consumer', v_queue);
    else
      execute pg_catalog.format('grant select, update, delete on pgmq.%I to centralcloud_consumer', v_queue);
      execute pg_catalog.format('grant select, insert on pgmq.%I to centralcloud_consumer', v_archive);
    end if;
    execute pg_catalog.format('grant select on pgmq.%I to centralcloud_consumer', v_queue || '_msg_id_seq');
  end if;

  foreach v_role in array array['centralcloud_viewer', 'centralcloud_operator'] loop
    continue when pg_catalog.to_regrole(v_role) is null;
    foreach v_table in array array[v_queue, v_archive] loop
      select coalesce('(' || string_agg(pg_catalog.quote_ident(a.attname), ', ' order by a.attnum) || ')', '')
        into v_columns
        from pg_catalog.pg_attribute a
       where a.attrelid = pg_catalog.to_regclass(pg_catalog.format('pgmq.%I', v_table))
         and a.attnum > 0 and not a.attisdropped and a.attname <> 'message'
         and p_queue = 'agent-sessions';
      execute pg_catalog.format('grant select %s on pgmq.%I to %I', v_columns, v_table, v_role);
      if p_queue like '%-dlq' and v_role = 'centralcloud_operator' then
        execute pg_catalog.format('grant update (vt) on pgmq.%I to %I', v_table, v_role);
      end if;
    end loop;
  end loop;
end
$$;
revoke execute on function public.grant_queue(text) from public;
-- Takes one of our locks for as long as this session lives, or gives who has it, in words. Never waits long.
--
-- The lock is who is written in its row of centralcloud_locks, where an application can't write: a process, and the
-- key of an advisory lock that it holds, chosen at random. Both are asked for, so a process of that number that came
-- later is somebody else, and an application that takes the key as well is nobody. So the lock ends with its session,
-- however that ends, and needs no clock and no writing in between.
--
-- Versions before held an advisory lock with a fixed key instead. It is taken as well, so that they stand by; and where
-- a login has it that may do what p_function does, it is believed. An application's is not.
-- Locks: the row of the lock, until the end of the transaction, when it is taken.
create or replace function public.hold_lock(p_lock_name text, p_former_key bigint, p_function regprocedure)
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_holder text;
  v_key bigint;
begin
  v_holder := public.session_with_lock(p_lock_name);
  if v_holder is not null then
    return nullif(v_holder, '');
  end if;
  v_holder := public.take_lock(p_lock_name, interval '1 second');
  if v_holder is not null then
    return v_holder;
  end if;
  -- Somebody else may have taken it since.
  v_holder := public.session_with_lock(p_lock_name);
  if v_holder is not null then
    return nullif(v_holder, '');
  end if;

  if not pg_catalog.pg_try_advisory_lock(p_former_key) then
    select public.describe_sessions(pg_catalog.array_agg(l.pid)) into v_holder
      from pg_catalog.pg_locks l
      join pg_catalog.pg_stat_activity a on a.pid = l.pid
     where public.is_advisory_lock(l, p_former_key) and l.granted
       and pg_catalog.has_function_privilege(a.usesysid, p_function::oid, 'execute');
    if v_holder is not null then
      return v_holder;
    end if;
  end if;

  v_key := ('x' || pg_catalog.substr(pg_catalog.md5(pg_catalog.gen_random_uuid()::text), 1, 16))::bit(64)::bigint;
  perform pg_catalog.pg_advisory_lock(v_key);
  update public.centralcloud_locks l
     set holder_pid = pg_catalog.pg_backend_pid(), holder_key = v_key
   where l.lock_name = p_lock_name;
  return null;
end
$$;
revoke execute on function public.hold_lock(text, bigint, regprocedure) from public;
-- Whether a row of pg_locks is the advisory lock of this database that has this key of 64 bits.
-- Locks: none.
create or replace function public.is_advisory_lock(p_lock pg_catalog.pg_locks, p_key bigint)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select p_lock.locktype = 'advisory' and p_lock.objsubid = 1
     and p_lock.classid::bigint = ((p_key >> 32) & 4294967295)
     and p_lock.objid::bigint = (p_key & 4294967295)
     and p_lock.database = (select d.oid from pg_catalog.pg_database d
                             where d.datname = pg_catalog.current_database());
$$;
revoke execute on function public.is_advisory_lock(pg_catalog.pg_locks, bigint) from public;
-- Whether an error may be the fault of what a row holds: a value, a constraint, what a trigger raises (with
-- whatever code of its own), a size or a depth beyond what PostgreSQL can make (which says "internal error" where it
-- can't have so much memory in one piece). All else is the fault of the queue, the rights or the server, and the next
-- row would meet it, too: also a server that has no memory left, and any other internal error.
create or replace function public.is_fault_of_row(p_sqlstate text, p_message text)
returns boolean
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.left(p_sqlstate, 2) not in
           ('08', '0A', '25', '26', '28', '2D', '3B', '3D', '3F', '40', '42', '53', '55', '57', '58', '72', 'F0', 'HV', 'XX')
      or p_sqlstate = 'XX000' and p_message like 'invalid memory alloc request size%';
$$;
revoke execute on function public.is_fault_of_row(text, text) from public;
-- Makes this session the one that runs the jobs of this database, or gives who does, in words: see hold_lock.
-- With its owner's rights: who runs jobs may not write locks.
-- Locks: see hold_lock.
create or replace function public.lead_schedules()
returns text
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
  -- "ccsc" in ASCII is the key of versions before.
  select public.hold_lock('lead schedules', 1667461987, 'public.lead_schedules()');
$$;
revoke execute on function public.lead_schedules() from public;
-- Learns the given analysis results, and queues what was learned; those that are learned already are
-- left out. The caller has locked them.
--
-- What can't be learned is marked with its reason, and stops no other: see learn_results_together. Fails where nothing
-- can be learned, for a reason that every row would meet; then no row is marked.
-- Locks: rows of analysis_results in the order of their ids (the caller's already); rows it inserts.
create or replace function public.learn_analysis_results(p_ids bigint[])
returns table (patterns_learned integer, patterns_queued integer)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  return query select l.patterns_learned, l.patterns_queued from public.learn_results_together(p_ids, false) l;
end
$$;
revoke execute on function public.learn_analysis_results(bigint[]) from public;
-- One step of learning: up to p_limit analysis results that nobody else has taken, oldest first, and as many as
-- fit into memory together. `more` says that it took as many as it may, so that there may be others.
-- Locks: the taken rows of analysis_results (skip locked); else only rows that it inserts.
create or replace function public.learn_next_results(p_limit integer default 1000)
returns table (patterns_learned integer, patterns_queued integer, more boolean)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids bigint[];
  v_fit integer;
begin
  v_ids := array(
    select r.id
      from public.analysis_results r
     where r.learned is not true and r.learn_error is null
     order by r.created_at, r.id
     limit p_limit
       for update skip locked
  );
  v_fit := public.count_that_fit('public.analysis_results', 'result', v_ids);
  return query
  select l.patterns_learned, l.patterns_queued,
         v_fit < pg_catalog.cardinality(v_ids) or pg_catalog.cardinality(v_ids) >= p_limit
    from public.learn_analysis_results(v_ids[:v_fit]) l;
end
$$;
revoke execute on function public.learn_next_results(integer) from public;
-- Learns patterns from analysis results, oldest first, up to p_limit of them, and queues them.
--
-- Learning, marking and queueing are one transaction. Two callers never learn a row twice: each locks
-- the rows it takes and skips those that another has taken. A row that can't be learned is marked with
-- its reason and stops nobody. Where queueing fails, what was learned stays learned and unsynced, and
-- the next sync run queues it.
-- With its owner's rights: a caller needs none on the queue or on what is learned.
-- Locks: the taken rows of analysis_results (skip locked); else only rows that it inserts.
create or replace function public.learn_patterns_from_analysis(p_limit integer default 1000)
returns table (patterns_learned integer, patterns_queued integer)
language sql
security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
  select l.patterns_learned, l.patterns_queued from public.learn_next_results(p_limit) l;
$$;
revoke execute on function public.learn_patterns_from_analysis(integer) from public;
-- Learns the given analysis results together, and queues what was learned. For learn_analysis_results.
--
-- The id of a row is no identity: it comes back where its sequence starts anew. Each learning has an
-- id of its own (learning_id), which the row and its pattern share. A row that an application has set
-- back to unlearned makes a second pattern only where it says something else than the first.
--
-- What can't be learned is marked with its reason, and stops no other: what fails together is tried by halves, until it
-- stands alone. What can be learned and not queued is learned, unsynced, with the reason. Whether an error is a row's
-- own is told by the error, or by three rows, chosen at random, that are tried alone: where one of them can be learned, it
-- is (p_is_certain: it was one of the caller's). Else it is raised, since the next row would meet it, too. What passes
-- (a lock that was waited for too long, a deadlock, a full disk, a stop) is always raised: it marks no row for good.
-- Locks: rows of analysis_results in the order of their ids (the caller's already); rows it inserts.
create or replace function public.learn_results_together(p_ids bigint[], p_is_certain boolean)
returns table (patterns_learned integer, patterns_queued integer)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_count constant integer := pg_catalog.cardinality(p_ids);
  v_queueing boolean := true;
  v_pattern_ids bigint[];
  v_learned integer;
  v_queued integer;
  v_error text;
  v_rest bigint[] := p_ids;
  v_is_fault_of_row boolean;
  v_id bigint;
  v_one record;
begin
  loop
    begin
      with judged as materialized (
        select r.id, r.agent_id, r.result, coalesce(r.confidence, 0.5) as confidence,
               k.is_known,
               coalesce(k.learning_id, pg_catalog.gen_random_uuid()) as learning_id,
               case
                 when coalesce(r.agent_id, '') = '' then 'agent_id is missing'
                 when pg_catalog.length(r.agent_id) > 512 then 'agent_id is longer than 512 characters'
                 when r.result is null then 'result is missing'
                 when pg_catalog.jsonb_typeof(r.result) <> 'object' then 'result is not a JSON object'
                 when not coalesce(r.confidence, 0.5) between 0 and 1 then 'confidence is not between 0 and 1'
               end as learn_error
          from public.analysis_results r
          left join lateral (
            select l.learning_id, true as is_known
              from public.learned_patterns l
             where l.analysis_id = r.id
               -- What was learned before there were such ids has none: then it must be younger than the row.
               and (l.learning_id = r.learning_id
                    or r.learning_id is null and l.learning_id is null and l.learned_at >= r.created_at)
               and l.agent_id = r.agent_id and l.pattern = r.result
               and l.confidence = coalesce(r.confidence, 0.5)
             limit 1
          ) k on true
         where r.id = any (p_ids) and r.learned is not true
      ),
      marked as (
        update public.analysis_results r
           set learned = j.learn_error is null,
               learned_at = case when j.learn_error is null then pg_catalog.clock_timestamp() end,
               learn_error = j.learn_error,
               learning_id = case when j.learn_error is null then j.learning_id else r.learning_id end
          from judged j
         where r.id = j.id
      ),
      learned as (
        insert into public.learned_patterns as l
          (analysis_id, learning_id, agent_id, pattern, confidence, synced_at)
        select j.id, j.learning_id, j.agent_id, j.result, j.confidence,
               case when v_queueing then pg_catalog.clock_timestamp() end
          from judged j
         where j.learn_error is null and j.is_known is null
         order by j.id
        returning l.id, l.agent_id, l.pattern, l.confidence, l.learned_at
      ),
      message as (
        select count(*)::integer as message_count,
               pg_catalog.array_agg(l.id order by l.id) as pattern_ids,
               pg_catalog.array_agg(
                 public.pattern_message(l.agent_id, l.pattern, l.confidence, l.learned_at) order by l.id
               ) filter (where v_queueing) as messages
          from learned l
      ),
      sent as (
        select s.msg_id
          from message m
         cross join lateral pgmq.send_batch(
           'centralcloud-new-patterns', m.messages, public.message_headers('pattern/1', m.message_count)
         ) as s (msg_id)
         where v_queueing and m.message_count > 0
      )
      select m.message_count, (select count(*)::integer from sent), coalesce(m.pattern_ids, '{}')
        into v_learned, v_queued, v_pattern_ids
        from message m;
      if not v_queueing then
        select q.message_count into v_queued from public.queue_patterns(v_pattern_ids) q;
      end if;
      return query select v_learned, v_queued;
      return;
    exception when assert_failure or others then
      if not v_queueing then
        v_error := sqlerrm;
        v_learned := 0;
        v_queued := 0;
        if sqlstate in ('40P01', '53100', '55P03', '57014', '57P01', '57P02', '57P03', '58030') then
          raise;
        end if;
        v_is_fault_of_row := p_is_certain or public.is_fault_of_row(sqlstate, sqlerrm);
        if not v_is_fault_of_row and v_count > 1 then
          -- Rows that make a pattern: one that is marked, or known, tells nothing.
          for v_id in
            select r.id
              from public.analysis_results r
             where r.id = any (p_ids)
               and r.agent_id <> '' and pg_catalog.length(r.agent_id) <= 512
               and coalesce(r.confidence, 0.5) between 0 and 1
               and case when pg_catalog.pg_column_size(r.result) <= 1000
                        then pg_catalog.jsonb_typeof(r.result) = 'object' else r.result is not null end
             order by r.learning_id is not null, pg_catalog.random()
             limit 3
          loop
            begin
              select l.* into v_one from public.learn_results_together(array[v_id], false) l;
              v_is_fault_of_row := v_is_fault_of_row or v_one.patterns_learned > 0;
              v_rest := pg_catalog.array_remove(v_rest, v_id);
              v_learned := v_learned + v_one.patterns_learned;
              v_queued := v_queued + v_one.patterns_queued;
            exception when assert_failure or others then
              -- It meets what the others meet, or is to blame; another one, or the rest, tells.
              null;
            end;
          end loop;
        end if;
        if not v_is_fault_of_row then
          raise;
        end if;
        if v_count > 1 then
          return query
          select v_learned + coalesce(sum(l.patterns_learned), 0)::integer,
                 v_queued + coalesce(sum(l.patterns_queued), 0)::integer
            from (values (v_rest[:(pg_catalog.cardinality(v_rest) + 1) / 2]),
                         (v_rest[(pg_catalog.cardinality(v_rest) + 1) / 2 + 1:])) as h (ids)
           cross join lateral public.learn_results_together(h.ids, true) l
           where pg_catalog.cardinality(h.ids) > 0;
          return;
        end if;
        update public.analysis_results r
           set learned = false, learn_error = v_error
         where r.id = any (p_ids);
        return query select 0, 0;
        return;
      end if;
      -- Once more, learning first and queueing then.
      v_queueing := false;
    end;
  end loop;
end
$$;
revoke execute on function public.learn_results_together(bigint[], boolean) from public;
-- Locks a part of an operator's action for the rest of the transaction and gives it. Nothing is given where the runner does
-- not have it: another one has taken it over. Only the login that opened it is its runner, whose name anybody can read.
-- With its owner's rights: operators may not lock rows of the table themselves.
-- Locks: the part's row.
create or replace function public.lock_action_part(p_action_key uuid, p_queue text, p_runner text)
returns setof public.operator_action_progress
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.*
    from public.operator_action_progress p
   where p.action_key = p_action_key and p.queue = p_queue and p.runner = p_runner and p.login = session_user
     for update;
$$;
revoke execute on function public.lock_action_part(uuid, text, text) from public;
-- Learns one analysis result now, and queues it; gives the learned pattern's id.
--
-- A row that is learned already gives the id it has: calling twice changes nothing. A row that was
-- marked as not learnable is judged anew, so that it can be mended first.
-- With its owner's rights: a caller needs none on the queue or on what is learned.
-- Errors: P0002 when there is no such row, P0001 with the reason when it can't be learned.
-- Locks: that row of analysis_results; it waits for whoever is learning it.
create or replace function public.manually_learn_analysis(p_id bigint)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
declare
  v_pattern_id bigint;
  v_learn_error text;
begin
  perform from public.analysis_results r where r.id = p_id for update;
  if not found then
    raise exception 'there is no analysis result %', p_id using errcode = 'P0002';
  end if;
  perform public.learn_analysis_results(array[p_id]);
  -- What older versions have learned has no learning_id, and is known by what it says.
  select l.id into v_pattern_id
    from public.analysis_results r
    join public.learned_patterns l on l.analysis_id = r.id
   where r.id = p_id and r.learned
     and (l.learning_id = r.learning_id
          or (l.learning_id is null and r.learning_id is null
              and l.agent_id = r.agent_id and l.pattern = r.result))
   order by l.id desc
   limit 1;
  if v_pattern_id is null then
    select coalesce(r.learn_error, 'it is marked as learned, and there is no pattern of it') into v_learn_error
      from public.analysis_results r
     where r.id = p_id;
    raise exception 'analysis result % can''t be learned: %', p_id, v_learn_error
      using hint = 'Mend the row and call this again.';
  end if;
  return v_pattern_id;
end
$$;
revoke execute on function public.manually_learn_analysis(bigint) from public;
-- Marks the batches delivered whose messages have all left their queues; gives how many.
-- A message leaves its queue when CentralCloud has merged it, or has dead-lettered it. A batch and its
-- messages have the time of one transaction: a message with an id of the batch and another time is a
-- message of a queue that was made anew.
-- Locks: the marked rows of learning_sync_log (skip locked).
create or replace function public.mark_delivered_batches()
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_count integer;
begin
  -- A queue that is missing holds nothing back, and nothing is known of it: its batches wait.
  if pg_catalog.to_regclass('pgmq."q_centralcloud-new-patterns"') is null
     or pg_catalog.to_regclass('pgmq."q_agent-sessions"') is null then
    return 0;
  end if;
  execute $query$
    with open as (
      select b.batch_id, b.created_at, b.first_pattern_msg_id, b.last_pattern_msg_id,
             b.first_session_msg_id, b.last_session_msg_id
        from public.learning_sync_log b
       where b.status = 'queued'
       order by b.batch_id
         for no key update skip locked
    )
    update public.learning_sync_log b
       set status = 'delivered', delivered_at = pg_catalog.clock_timestamp()
      from open o
     where b.batch_id = o.batch_id
       and not exists (
         select from pgmq."q_centralcloud-new-patterns" q
          where q.msg_id between o.first_pattern_msg_id and o.last_pattern_msg_id
            and q.enqueued_at = o.created_at)
       and not exists (
         select from pgmq."q_agent-sessions" q
          where q.msg_id between o.first_session_msg_id and o.last_session_msg_id
            and q.enqueued_at = o.created_at)
  $query$;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
revoke execute on function public.mark_delivered_batches() from public;
-- The headers of so many messages: their contract's name and version, an id of its own for each, and the trace
-- that the application is in where it says so: set local centralcloud.traceparent = '00-…', as in W3C's Trace
-- Context, version 00. Whatever else stands there is left out.
-- In PL/pgSQL, whose plan lasts as long as the session: one in SQL is planned anew in each statement.
create or replace function public.message_headers(p_schema text, p_count integer)
returns jsonb[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_traceparent constant text := pg_catalog.substring(
    pg_catalog.current_setting('centralcloud.traceparent', true),
    '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$');
  v_shared constant jsonb := pg_catalog.jsonb_strip_nulls(
    pg_catalog.jsonb_build_object('schema', p_schema, 'traceparent', v_traceparent));
begin
  -- Most statements make one message, and for one this is faster.
  if p_count = 1 then
    return array[v_shared || pg_catalog.jsonb_build_object('message_id', public.gen_ulid())];
  end if;
  return (
    select pg_catalog.array_agg(v_shared || pg_catalog.jsonb_build_object('message_id', u.ulid))
      from public.gen_ulids(p_count) as u (ulid)
  );
end
$$;
revoke execute on function public.message_headers(text, integer) from public;
-- Wakes consumers that have nothing to do: the trigger of a queue's table, once a statement that inserts.
--
-- Only an idle consumer wants to be told, and only then does a sender pay for it: notifications make the
-- commits of all senders wait for each other. So a consumer that goes idle takes an advisory lock for the
-- queue, exclusively, in its listening session; here we try the same lock, shared with other senders.
--   We can't have it: somebody is idle, and is notified when we commit.
--   We have it: nobody is idle, and until we commit nobody becomes it, so our message is found by polling.
-- Either way no message is sent unnoticed, and senders never wait, for us or for each other.
--
-- Where prepared transactions are possible nobody is notified, because such a transaction may not; consumers
-- then find messages by polling alone. A sender never fails because of this: whatever goes wrong is ignored.
-- Locks: one advisory lock a queue, shared, until the transaction ends.
create or replace function public.notify_idle_consumers()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if pg_catalog.current_setting('max_prepared_transactions') = '0'
    and not pg_catalog.pg_try_advisory_xact_lock_shared(
      pg_catalog.hashtextextended('centralcloud idle ' || tg_table_name, 0))
  then
    perform pg_catalog.pg_notify('centralcloud', tg_table_name);
  end if;
  return null;
exception
  when others then
    return null;
end
$$;
revoke execute on function public.notify_idle_consumers() from public;
-- A runner takes a part of an operator's action over, or begins with it: how far it is in one queue of this source. Nothing
-- is given where a later claim of the action has it: a runner that comes late takes nothing back.
-- The part's row is this source's own record of the action. It names the login of who opened it last, and only these
-- functions write to it: what is moved is counted by what moves it, so an operator can't claim another figure.
-- With its owner's rights: operators may not write to the table themselves. Refuses a queue that is none of ours.
-- Idempotent. Locks: the part's row; waits for a transaction that another runner has left open.
create or replace function public.open_action_part(
  p_action_key uuid,
  p_queue text,
  p_action_id bigint,
  p_runner text,
  p_claim_number integer
)
returns setof public.operator_action_progress
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- A number that leaves no room for a later claim would keep everybody else out.
  if p_claim_number not between 1 and 999999999 then
    raise exception 'claim number % is not one of 1 to 999999999', p_claim_number using errcode = 'invalid_parameter_value';
  end if;
  if p_queue not in ('centralcloud-new-patterns', 'agent-sessions', 'agent-knowledge-updates') then
    raise exception '% is no queue of CentralCloud''s', p_queue using errcode = 'insufficient_privilege';
  end if;

  return query
  insert into public.operator_action_progress as p (action_key, queue, action_id, runner, claim_number, login)
  values (p_action_key, p_queue, p_action_id, p_runner, p_claim_number, session_user)
  on conflict (action_key, queue) do update
    set runner = excluded.runner, claim_number = excluded.claim_number, login = excluded.login
  where p.claim_number <= excluded.claim_number
  returning p.*;
end
$$;
revoke execute on function public.open_action_part(uuid, text, bigint, text, integer) from public;
-- The tags of the packets of an OpenPGP key in its binary form, in order: 6 and 14 are public keys and
-- subkeys, 5 and 7 are private ones (RFC 9580, sections 4.2 and 5).
--
-- Raises an error for what is no whole sequence of packets. Reads nothing, so it locks nothing.
create or replace function public.openpgp_packet_tags(p_packets bytea)
returns integer[]
language plpgsql
immutable
strict
set search_path = pg_catalog, pg_temp
as $$
declare
  v_end constant integer := pg_catalog.octet_length(p_packets);
  v_at integer := 0;
  v_first integer;
  v_tags integer[] := array[]::integer[];
  v_length_bytes integer;
  v_length bigint;
begin
  while v_at < v_end loop
    v_first := pg_catalog.get_byte(p_packets, v_at);
    v_at := v_at + 1;
    if v_first < 128 then
      raise exception 'it is not in the binary form of OpenPGP';
    elsif v_first >= 192 then
      -- The present format: one byte, or two from 192, or four after 255; keys have no partial lengths.
      v_tags := v_tags || (v_first & 63);
      v_length := pg_catalog.get_byte(p_packets, v_at);
      v_at := v_at + 1;
      if v_length between 192 and 223 then
        v_length := ((v_length - 192) << 8) + 192 + pg_catalog.get_byte(p_packets, v_at);
        v_at := v_at + 1;
        v_length_bytes := 0;
      elsif v_length between 224 and 254 then
        raise exception 'it is not a whole OpenPGP key';
      else
        v_length_bytes := case when v_length = 255 then 4 else 0 end;
      end if;
    else
      -- The format before it: the header says how many bytes the length has; 3 would be "to the end".
      v_tags := v_tags || ((v_first >> 2) & 15);
      if v_first & 3 = 3 then
        raise exception 'it is not a whole OpenPGP key';
      end if;
      v_length_bytes := 1 << (v_first & 3);
    end if;
    if v_length_bytes > 0 then
      v_length := 0;
      for v_byte in v_at .. v_at + v_length_bytes - 1 loop
        v_length := (v_length << 8) + pg_catalog.get_byte(p_packets, v_byte);
      end loop;
      v_at := v_at + v_length_bytes;
    end if;
    if v_at + v_length > v_end then
      raise exception 'it is not a whole OpenPGP key';
    end if;
    v_at := v_at + v_length;
  end loop;
  return v_tags;
end
$$;
revoke execute on function public.openpgp_packet_tags(bytea) from public;
-- A learned pattern as a message for CentralCloud; contract pattern/1.
-- In PL/pgSQL, since PostgreSQL starts and ends an executor for each call of a function in SQL that it can't inline.
create or replace function public.pattern_message(
  p_agent_id text,
  p_pattern jsonb,
  p_confidence numeric,
  p_learned_at timestamptz
)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return pg_catalog.jsonb_build_object(
    'agent_id', p_agent_id,
    'pattern', p_pattern,
    'confidence', p_confidence,
    'learned_at', p_learned_at,
    'source', 'singularity-learning'
  );
end
$$;
revoke execute on function public.pattern_message(text, jsonb, numeric, timestamptz) from public;
-- Trigger function: puts the sessions that a statement has changed on the queue for CentralCloud, all of them together.
-- After the statement, so that a row that another trigger or a conflict suppressed is not queued.
-- A row that got another state, confidence or id has changed; the stamp of those that are queued has not.
-- The definer's rights, because the application may see neither keys nor queues.
create or replace function public.persist_agent_session()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_changed constant text :=
    'select n.id from new_sessions n
      where not exists (select from old_sessions o
                         where o.id = n.id and o.state = n.state and o.confidence = n.confidence)';
  v_context text;
  v_count bigint;
  v_ids uuid[];
begin
  -- Our own update, and not one that a trigger of the application's does below it. To look for changes in ours would
  -- take longer than to ask who does it.
  get diagnostics v_context = pg_context;
  if v_context ~ '^[^\n]*\nSQL statement "update public\.agent_sessions s\s+set unsynced = [^"]*"\nPL/pgSQL function public\.queue_sessions_together\(' then
    return null;
  end if;
  select count(*) into v_count from new_sessions n;
  if v_count = 1 then
    v_ids := array(
      select n.id from new_sessions n
       where not exists (select from old_sessions o
                          where o.id = n.id and o.state = n.state and o.confidence = n.confidence)
    );
  elsif v_count > 1 then
    -- Planned each time: a plan that was made for few rows takes the square of many.
    execute 'select array(' || v_changed || ')' into v_ids;
  end if;
  if pg_catalog.cardinality(v_ids) = 1 then
    perform from public.queue_sessions_together(v_ids);
  elsif pg_catalog.cardinality(v_ids) > 1 then
    perform from public.queue_agent_sessions(v_ids);
  end if;
  return null;
end
$$;
revoke execute on function public.persist_agent_session() from public;
-- Trigger function: puts the sessions that a statement has inserted on the queue for CentralCloud, all of them together.
-- After the statement, so that a row that another trigger or a conflict suppressed is not queued.
-- The definer's rights, because the application may see neither keys nor queues.
create or replace function public.persist_new_sessions()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids constant uuid[] := array(select n.id from new_sessions n);
begin
  if pg_catalog.cardinality(v_ids) = 1 then
    perform from public.queue_sessions_together(v_ids);
  elsif pg_catalog.cardinality(v_ids) > 1 then
    perform from public.queue_agent_sessions(v_ids);
  end if;
  return null;
end
$$;
revoke execute on function public.persist_new_sessions() from public;
-- Makes the publication of the captured tables, or brings it up to date: what the output plugin pgoutput
-- gives a capture is decided here. A table that can't be captured is not published, and is taken out where it
-- was; examine_captured_tables says why. May run any number of times.
--
-- Gives each table that was asked for or published: what was done to it (added, removed, altered, or null for
-- nothing) and its problem, where it has one. Gives nothing where there is no publication and p_create is
-- false: a slot can't be read with another publication than the one that it was made for.
-- With its owner's rights, because only a table's owner may publish it.
-- Locks: one of ours (take_lock) until the end of the transaction; each table in share update exclusive mode where
-- something changes. Whatever holds one is waited for two seconds at most, and the error says who does.
create or replace function public.publish_for_capture(
  p_tables text[],
  p_left_out text[] default '{}',
  p_create boolean default true
)
returns table (name text, change text, problem text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  v_publication constant text := 'singularity_centralcloud_cdc';
  v_publication_id oid;
  v_table record;
  v_wanted text[] := array[]::text[];
  v_published text[] := array[]::text[];
  v_changes integer := 0;
  v_holder text;
begin
  v_holder := public.take_lock('publish for capture', interval '2 seconds');
  if v_holder is not null then
    raise exception 'another transaction changes the publication, and has not ended: %', v_holder
      using errcode = 'lock_not_available';
  end if;
  select p.oid into v_publication_id from pg_catalog.pg_publication p where p.pubname = v_publication;
  if v_publication_id is null and not p_create then
    return;
  end if;

  for v_table in
    select coalesce(
             e.name,
             case when s.nspname = 'public' then c.relname::text else s.nspname || '.' || c.relname end
           ) as name,
           e.problem, e.column_list, e.is_wanted, r.prrelid is not null as is_published,
           pg_catalog.format('%I.%I', s.nspname, c.relname) as place,
           -- Null on both sides where all columns are published. How a view of PostgreSQL lists them differs
           -- between versions.
           r.column_list is not distinct from e.column_list as is_same
      from (
        select x.*, x.problem is null as is_wanted
          from public.examine_captured_tables(p_tables, p_left_out) x
      ) e
      full join (
        select pr.prrelid,
               (select pg_catalog.array_agg(a.attname::text order by a.attnum)
                  from pg_catalog.pg_attribute a
                 where a.attrelid = pr.prrelid and a.attnum = any (pr.prattrs)) as column_list
          from pg_catalog.pg_publication_rel pr
         where pr.prpubid = v_publication_id
      ) r on r.prrelid = e.relation
      left join pg_catalog.pg_class c on c.oid = coalesce(e.relation, r.prrelid)
      left join pg_catalog.pg_namespace s on s.oid = c.relnamespace
     order by 1
  loop
    name := v_table.name;
    problem := v_table.problem;
    change := case
      when v_table.is_wanted and not v_table.is_published then 'added'
      when v_table.is_wanted and not v_table.is_same then 'altered'
      when v_table.is_published and v_table.is_wanted is not true then 'removed'
    end;
    return next;
    v_changes := v_changes + (change is not null)::integer;
    if v_table.is_published then
      v_published := v_published || v_table.place;
    end if;
    if v_table.is_wanted then
      v_wanted := v_wanted || (
        v_table.place
        || coalesce(
             (select ' (' || pg_catalog.string_agg(pg_catalog.quote_ident(p.name), ', ' order by p.place) || ')'
                from pg_catalog.unnest(v_table.column_list) with ordinality as p (name, place)),
             ''
           )
      );
    end if;
  end loop;

  if v_publication_id is null then
    execute pg_catalog.format('create publication %I', v_publication);
  end if;
  if v_changes = 0 then
    return;
  end if;
  -- A list of tables can't be empty.
  if pg_catalog.cardinality(v_wanted) = 0 then
    execute pg_catalog.format(
      'alter publication %I drop table %s', v_publication, pg_catalog.array_to_string(v_published, ', ')
    );
  else
    execute pg_catalog.format(
      'alter publication %I set table %s', v_publication, pg_catalog.array_to_string(v_wanted, ', ')
    );
  end if;
exception
  when lock_not_available then
    raise exception '%, held by %', sqlerrm, public.sessions_in_the_way() using errcode = 'lock_not_available';
end
$$;
revoke execute on function public.publish_for_capture(text[], text[], boolean) from public;
-- Queues a summary of the agents whose knowledge is marked unsynced, and unmarks them; gives how many.
--
-- Many agents make several messages of at most 2,000 each, with the same totals and time: CentralCloud
-- sees one summary. An agent that CentralCloud would refuse spoils no summary: it is left out, and stays marked
-- with the reason. Never fails its caller: where the queue is missing or refuses, all stay marked.
--
-- updated_at is the version by which the last writer wins in the central store. It is always later than the
-- one before, also when the clock was set back. An application may write knowledge_synced_at: what lies more
-- than ten years ahead was no clock's, and does not count.
-- Locks: the marked agents, in the order of their ids (skip locked).
create or replace function public.queue_agent_knowledge()
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_agent_ids text[];
  v_updated_at timestamptz := pg_catalog.clock_timestamp();
  v_messages jsonb[];
begin
  v_agent_ids := array(
    select a.agent_id from public.agents a
     where a.knowledge_unsynced
     order by a.agent_id
       for no key update skip locked
  );

  with judged as (
    select a.agent_id,
           case
             when pg_catalog.length(a.agent_id) > 512 then 'agent_id is longer than 512 characters'
             when a.pattern_count < 0 then 'pattern_count is negative'
           end as knowledge_error
      from public.agents a
     where a.agent_id = any (v_agent_ids)
  ),
  refused as (
    update public.agents a
       set knowledge_error = j.knowledge_error
      from judged j
     where a.agent_id = j.agent_id and j.knowledge_error is not null
       and a.knowledge_error is distinct from j.knowledge_error
  )
  select coalesce(pg_catalog.array_agg(j.agent_id order by j.agent_id), '{}')
    into v_agent_ids
    from judged j
   where j.knowledge_error is null;
  if pg_catalog.cardinality(v_agent_ids) = 0 then
    return 0;
  end if;

  select greatest(v_updated_at, max(a.knowledge_synced_at) + interval '1 microsecond')
    into v_updated_at
    from public.agents a
   where a.agent_id = any (v_agent_ids) and a.knowledge_synced_at < v_updated_at + interval '10 years';

  with known as (
    select a.agent_id, a.pattern_count, a.confidence,
           (pg_catalog.row_number() over (order by a.agent_id) - 1) / 2000 as part,
           count(*) over () as agents_updated,
           sum(a.pattern_count) over () as total_patterns
      from public.agents a
     where a.agent_id = any (v_agent_ids)
  ),
  message as (
    select k.part,
           pg_catalog.jsonb_build_object(
             'agents_updated', k.agents_updated,
             'total_patterns', k.total_patterns,
             'updated_at', v_updated_at,
             'agents', pg_catalog.jsonb_agg(
               pg_catalog.jsonb_build_object(
                 'agent_id', k.agent_id, 'pattern_count', k.pattern_count, 'confidence', k.confidence
               ) order by k.agent_id
             )
           ) as body
      from known k
     group by k.part, k.agents_updated, k.total_patterns
  )
  select pg_catalog.array_agg(m.body order by m.part) into v_messages from message m;

  begin
    perform from pgmq.send_batch(
      'agent-knowledge-updates',
      v_messages,
      public.message_headers('knowledge/1', pg_catalog.cardinality(v_messages))
    );
  exception when others then
    raise warning 'the summary of % agents could not be queued: %', pg_catalog.cardinality(v_agent_ids), sqlerrm;
    return 0;
  end;

  update public.agents a
     set knowledge_unsynced = false, knowledge_error = null, knowledge_synced_at = v_updated_at
   where a.agent_id = any (v_agent_ids);
  return pg_catalog.cardinality(v_agent_ids);
end
$$;
revoke execute on function public.queue_agent_knowledge() from public;
-- Seals sessions as they are now, queues them, and stamps the rows; gives how many, and the range of their message
-- ids (null where there are none). As many together as a data key seals, and as fit into memory.
--
-- What can't be sealed or queued is marked unsynced with the reason, and the next sync run tries again.
-- Never fails its caller because of sealing or queueing.
-- Locks: the rows of agent_sessions, which it updates.
create or replace function public.queue_agent_sessions(p_ids uuid[])
returns table (message_count integer, first_msg_id bigint, last_msg_id bigint)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_most constant integer := 1000;
  v_rest uuid[] := p_ids;
  v_count integer;
  v_sent record;
begin
  message_count := 0;
  loop
    v_count := least(pg_catalog.cardinality(v_rest), v_most);
    exit when v_count = 0;
    if v_count > 1 then
      begin
        v_count := public.count_that_fit('public.agent_sessions', 'state', v_rest[:v_count]);
      exception when others then
        v_count := 1;
      end;
    end if;
    select q.* into v_sent from public.queue_sessions_together(v_rest[:v_count]) q;
    message_count := message_count + v_sent.message_count;
    first_msg_id := least(first_msg_id, v_sent.first_msg_id);
    last_msg_id := greatest(last_msg_id, v_sent.last_msg_id);
    v_rest := v_rest[v_count + 1:];
  end loop;
  return next;
end
$$;
revoke execute on function public.queue_agent_sessions(uuid[]) from public;
-- Queues learned patterns, in the order given, and marks them; gives how many, and the range of their message
-- ids (null where there are none).
--
-- One that can't be a message (too deep, too large) stops no other: what fails together is tried by halves,
-- until it stands alone and is marked with the reason. Where the queue is missing or refuses, all are marked: that is
-- told from a pattern's own fault by the error, or by two of them, chosen at random, that are tried alone (and are sent
-- before the others). Never fails its caller because of that. The caller has locked the rows, or has just inserted them.
-- Locks: the rows of learned_patterns, which it updates.
create or replace function public.queue_patterns(p_ids bigint[])
returns table (message_count integer, first_msg_id bigint, last_msg_id bigint)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_count constant integer := pg_catalog.cardinality(p_ids);
  v_sent record;
  v_error text;
  v_rest bigint[] := p_ids;
  v_is_fault_of_row boolean;
  v_id bigint;
begin
  if v_count = 0 then
    return query select 0, null::bigint, null::bigint;
    return;
  end if;

  begin
    select count(*)::integer as message_count, min(s.msg_id) as first_msg_id, max(s.msg_id) as last_msg_id
      into v_sent
      from (
        select pg_catalog.array_agg(
                 public.pattern_message(l.agent_id, l.pattern, l.confidence, l.learned_at) order by i.place
               ) as messages
          from pg_catalog.unnest(p_ids) with ordinality as i (id, place)
          join public.learned_patterns l on l.id = i.id
      ) m
     cross join lateral pgmq.send_batch(
       'centralcloud-new-patterns', m.messages, public.message_headers('pattern/1', v_count)
     ) as s (msg_id);

    update public.learned_patterns l
       set synced_at = pg_catalog.clock_timestamp(), sync_error = null, sync_failed_at = null
     where l.id = any (p_ids);
    return query select v_sent.message_count, v_sent.first_msg_id, v_sent.last_msg_id;
    return;
  exception when assert_failure or others then
    v_error := sqlerrm;
    message_count := 0;
    first_msg_id := null;
    last_msg_id := null;
    if v_count > 1 then
      v_is_fault_of_row := public.is_fault_of_row(sqlstate, sqlerrm);
      if not v_is_fault_of_row then
        for v_id in select i.id from pg_catalog.unnest(p_ids) as i (id) order by pg_catalog.random() limit 2 loop
          select q.* into v_sent from public.queue_patterns(array[v_id]) q;
          if v_sent.message_count > 0 then
            v_is_fault_of_row := true;
            v_rest := pg_catalog.array_remove(v_rest, v_id);
            message_count := message_count + v_sent.message_count;
            first_msg_id := least(first_msg_id, v_sent.first_msg_id);
            last_msg_id := greatest(last_msg_id, v_sent.last_msg_id);
          end if;
        end loop;
      end if;
      if v_is_fault_of_row then
        select coalesce(sum(q.message_count), 0)::integer as message_count, min(q.first_msg_id) as first_msg_id,
               max(q.last_msg_id) as last_msg_id
          into v_sent
          from (values (1, v_rest[:(pg_catalog.cardinality(v_rest) + 1) / 2]),
                       (2, v_rest[(pg_catalog.cardinality(v_rest) + 1) / 2 + 1:])) as h (place, ids)
         cross join lateral public.queue_patterns(h.ids) q;
        message_count := message_count + v_sent.message_count;
        first_msg_id := least(first_msg_id, v_sent.first_msg_id);
        last_msg_id := greatest(last_msg_id, v_sent.last_msg_id);
        return next;
        return;
      end if;
    end if;
  end;

  update public.learned_patterns l
     set sync_error = v_error, sync_failed_at = pg_catalog.clock_timestamp()
   where l.id = any (p_ids);
  return next;
end
$$;
revoke execute on function public.queue_patterns(bigint[]) from public;
-- Seals up to 1,000 sessions as they are now, queues them by one call, and stamps the rows by one update; gives how
-- many, and the range of their message ids (null where there are none).
--
-- One that can't be a message stops no other: what fails together is tried by halves, until it stands alone and is
-- marked unsynced with the reason. Where no key is active, or the queue is missing or refuses, all are marked: that is
-- told from a session's own fault by the error, or by two of them, chosen at random, that are tried alone.
-- Never fails its caller because of that, nor because a session can't be marked.
--
-- synced_at is the version by which the last writer wins in the central store. It is taken under the
-- row's lock (not the transaction's start), and is always later than the one before, also when the
-- clock was set back or stood still. An application may write last_synced_at: what lies more than ten years
-- ahead was no clock's, and does not count.
-- Locks: the rows of agent_sessions, which it updates.
create or replace function public.queue_sessions_together(p_ids uuid[])
returns table (message_count integer, first_msg_id bigint, last_msg_id bigint)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
  v_agent_ids text[];
  v_states jsonb[];
  v_confidences numeric[];
  v_versions timestamptz[];
  v_seals jsonb[];
  v_headers jsonb[];
  v_messages jsonb[] := array[]::jsonb[];
  v_error text;
  v_rest uuid[] := p_ids;
  v_is_fault_of_row boolean;
  v_id uuid;
  v_sent record;
begin
  begin
    select pg_catalog.array_agg(s.id), pg_catalog.array_agg(s.agent_id), pg_catalog.array_agg(s.state),
           pg_catalog.array_agg(s.confidence),
           pg_catalog.array_agg(
             case when s.last_synced_at < c.now + interval '10 years'
                  then greatest(c.now, s.last_synced_at + interval '1 microsecond')
                  else c.now end)
      into v_ids, v_agent_ids, v_states, v_confidences, v_versions
      from (select s.* from public.agent_sessions s where s.id = any (p_ids) for no key update) s
     cross join lateral (select pg_catalog.clock_timestamp() as now) c;
    message_count := coalesce(pg_catalog.cardinality(v_ids), 0);
    if message_count = 0 then
      return next;
      return;
    end if;

    v_seals := public.seal_session_states(v_agent_ids, v_ids::text[], v_versions, v_states);
    v_headers := public.message_headers('session/1', message_count);
    for v_place in 1..message_count loop
      v_messages[v_place] := pg_catalog.jsonb_build_object(
        'agent_id', v_agent_ids[v_place],
        'session_id', v_ids[v_place],
        'sealed', v_seals[v_place],
        'confidence', v_confidences[v_place],
        'synced_at', v_versions[v_place],
        'ulid', v_headers[v_place] -> 'message_id'
      );
    end loop;

    -- Most statements change one session, and for one this is faster.
    if message_count = 1 then
      -- With a time: without one, pgmq calls this through a function in SQL, which is planned in each statement.
      first_msg_id := (
        select s.msg_id
          from pgmq.send('agent-sessions', v_messages[1], v_headers[1], pg_catalog.clock_timestamp()) as s (msg_id));
      last_msg_id := first_msg_id;
      update public.agent_sessions s
         set unsynced = false, sync_error = null, sync_failed_at = null, last_synced_at = v_versions[1]
       where s.id = v_ids[1];
      return next;
      return;
    end if;

    select min(s.msg_id), max(s.msg_id)
      into first_msg_id, last_msg_id
      from pgmq.send_batch('agent-sessions', v_messages, v_headers) as s (msg_id);
    update public.agent_sessions s
       set unsynced = false, sync_error = null, sync_failed_at = null, last_synced_at = v.version
      from rows from (pg_catalog.unnest(v_ids), pg_catalog.unnest(v_versions)) as v (id, version)
     where s.id = v.id;
    return next;
    return;
  exception when assert_failure or others then
    v_error := sqlerrm;
    message_count := 0;
    first_msg_id := null;
    last_msg_id := null;
    if pg_catalog.cardinality(p_ids) > 1 then
      v_is_fault_of_row := public.is_fault_of_row(sqlstate, sqlerrm);
      if not v_is_fault_of_row then
        for v_id in select i.id from pg_catalog.unnest(p_ids) as i (id) order by pg_catalog.random() limit 2 loop
          select q.* into v_sent from public.queue_sessions_together(array[v_id]) q;
          if v_sent.message_count > 0 then
            v_is_fault_of_row := true;
            v_rest := pg_catalog.array_remove(v_rest, v_id);
            message_count := message_count + v_sent.message_count;
            first_msg_id := least(first_msg_id, v_sent.first_msg_id);
            last_msg_id := greatest(last_msg_id, v_sent.last_msg_id);
          end if;
        end loop;
      end if;
      if v_is_fault_of_row then
        select sum(q.message_count)::integer as message_count, min(q.first_msg_id) as first_msg_id,
               max(q.last_msg_id) as last_msg_id
          into v_sent
          from (values (v_rest[:(pg_catalog.cardinality(v_rest) + 1) / 2]),
                       (v_rest[(pg_catalog.cardinality(v_rest) + 1) / 2 + 1:])) as h (ids)
         cross join lateral public.queue_sessions_together(h.ids) q;
        message_count := message_count + v_sent.message_count;
        first_msg_id := least(first_msg_id, v_sent.first_msg_id);
        last_msg_id := greatest(last_msg_id, v_sent.last_msg_id);
        return next;
        return;
      end if;
    end if;
  end;

  begin
    update public.agent_sessions s
       set unsynced = true, sync_error = v_error, sync_failed_at = pg_catalog.clock_timestamp()
     where s.id = any (p_ids);
  exception when assert_failure or others then
    -- A trigger of the application refuses the mark. For each by itself, so that it keeps no other from being marked.
    foreach v_id in array p_ids loop
      begin
        update public.agent_sessions s
           set unsynced = true, sync_error = v_error, sync_failed_at = pg_catalog.clock_timestamp()
         where s.id = v_id;
      exception when assert_failure or others then
        raise warning 'session % could neither be queued nor marked as unsynced (%)', v_id, sqlstate;
      end;
    end loop;
  end;
  return query select 0, null::bigint, null::bigint;
end
$$;
revoke execute on function public.queue_sessions_together(uuid[]) from public;
-- Queues up to p_limit learned patterns that are not on the queue yet, and as many as fit into memory together:
-- those that have not failed before, oldest first, then those whose last failure is the oldest. So what fails
-- each time keeps nobody waiting.
-- Gives how many were taken and how many queued, and the range of their message ids (null where there are none).
-- What can't be queued stays unsynced, with the reason.
-- Locks: the taken rows of learned_patterns (skip locked).
create or replace function public.queue_unsynced_patterns(p_limit integer)
returns table (message_count integer, first_msg_id bigint, last_msg_id bigint, more boolean)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids bigint[];
  v_fit integer;
begin
  v_ids := array(
    select l.id from public.learned_patterns l
     where l.synced_at is null
     order by l.sync_failed_at nulls first, l.id
     limit p_limit
       for update skip locked
  );
  v_fit := public.count_that_fit('public.learned_patterns', 'pattern', v_ids);
  return query
  select q.message_count, q.first_msg_id, q.last_msg_id,
         q.message_count > 0 and (v_fit < pg_catalog.cardinality(v_ids) or pg_catalog.cardinality(v_ids) >= p_limit)
    from public.queue_patterns(v_ids[:v_fit]) q;
end
$$;
revoke execute on function public.queue_unsynced_patterns(integer) from public;
-- Seals and queues up to p_limit sessions that are marked unsynced: those that have not failed before, then
-- those whose last failure is the oldest. So what fails each time keeps nobody waiting.
-- Gives how many, the range of their message ids (null where there are none), and whether there may be more.
-- A session that can't be sealed or queued stays marked, with the reason, and stops no other.
-- Locks: the taken rows of agent_sessions (skip locked).
create or replace function public.queue_unsynced_sessions(p_limit integer)
returns table (message_count integer, first_msg_id bigint, last_msg_id bigint, more boolean)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
begin
  v_ids := array(
    select s.id from public.agent_sessions s
     where s.unsynced
     order by s.sync_failed_at nulls first, s.id
     limit p_limit
       for no key update skip locked
  );
  return query
  select q.message_count, q.first_msg_id, q.last_msg_id,
         q.message_count > 0 and pg_catalog.cardinality(v_ids) >= p_limit
    from public.queue_agent_sessions(v_ids) q;
end
$$;
revoke execute on function public.queue_unsynced_sessions(integer) from public;
-- Brings agent_performance_5min up to date while it is read: concurrently, except the first time, when
-- there is nothing to compare with.
--
-- Runs with the rights of its owner, who owns the view: only the owner may refresh it.
-- Locks: exclusive on the view, so that two refreshes wait for each other; readers go on, except the first time.
create or replace function public.refresh_metrics()
returns table (row_count bigint)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if (select c.relispopulated from pg_catalog.pg_class c
       where c.oid = 'public.agent_performance_5min'::pg_catalog.regclass) then
    refresh materialized view concurrently public.agent_performance_5min;
  else
    refresh materialized view public.agent_performance_5min;
  end if;
  return query select count(*) from public.agent_performance_5min;
end
$$;

revoke execute on function public.refresh_metrics() from public;
-- Sends the original messages of dead letters to their queue again, and moves the dead letters to the archive of their
-- dead-letter queue, which then says by which action and as what. A message gets its headers back, and besides replay_of,
-- replay_count and its history (attempts). Of a dead letter whose p_sends is false nothing is sent: its message was merged.
-- One without an original message stays, unless p_edit is sent for it.
-- p_edit: what is sent in place of the original. Gives how many were moved: those that are there no more are not.
-- Counted in the open part of an operator's action (open_action_part), without which nothing moves.
-- With its owner's rights: operators may write neither to queues nor to their archives.
-- Locks: the part's row, then the dead letters in the order of their table.
create or replace function public.replay_dead_letters(
  p_action_key uuid,
  p_queue text,
  p_runner text,
  p_msg_ids bigint[],
  p_sends boolean[],
  p_edit jsonb default null
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_action_id constant bigint := public.count_action_part(p_action_key, p_queue, p_runner);
  v_tables record;
  v_moved integer;
  v_merged integer;
begin
  -- @plpgsql_check_options: security_warnings = off
  -- What is put into the statement as text are names and expressions that functions of ours make of the queue's name.
  if pg_catalog.cardinality(p_msg_ids) is distinct from pg_catalog.cardinality(p_sends)
     or pg_catalog.array_position(p_sends, null) is not null
     or (p_edit is not null and pg_catalog.cardinality(p_msg_ids) > 1) then
    raise exception 'each dead letter needs to be sent or not, and an edit is for one' using errcode = 'invalid_parameter_value';
  end if;
  select * into v_tables from public.dead_letter_queue_tables(p_queue);
  execute pg_catalog.format(
    $statement$
    with gone as (
      delete from pgmq.%1$I d
       using unnest($1, $2) as c (msg_id, sends)
       where d.msg_id = c.msg_id and (d.message ? 'original_message' or $4 is not null or not c.sends)
      returning d.msg_id, d.vt, d.read_ct, d.enqueued_at, d.message, d.headers, c.sends
    ), resent as materialized (
      select d.msg_id, row_number() over (order by d.enqueued_at, d.msg_id) as place,
             coalesce($4, d.message -> 'original_message') as message,
             o.headers || jsonb_strip_nulls(jsonb_build_object(
               'replay_of', case when jsonb_typeof(o.headers -> 'replay_of') = 'number' then o.headers -> 'replay_of'
                                 when jsonb_typeof(d.message -> 'original_message_id') = 'number'
                                 then d.message -> 'original_message_id' end,
               'replay_count', greatest(coalesce(trunc(
                                 case when jsonb_typeof(o.headers -> 'replay_count') = 'number'
                                      then (o.headers -> 'replay_count')::text::numeric end), 0), 0) + 1,
               'attempts', h.attempts || jsonb_build_array(jsonb_build_object(
                 'at', coalesce(d.message ->> 'dead_lettered_at',
                                to_char(d.enqueued_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                                d.enqueued_at::text),
                 'consumer', coalesce(d.message ->> 'consumer', 'unknown'),
                 'error', jsonb_build_object(
                   'code', coalesce(d.message -> 'error' ->> 'code', d.message ->> 'reason', 'unknown'),
                   'message', coalesce(d.message -> 'error' ->> 'message',
                                       case when jsonb_typeof(d.message -> 'error') = 'string'
                                            then d.message ->> 'error' end, '')))),
               'replay_edited', case when $4 is not null then true end)) as headers
        from gone d
       cross join lateral (
         select case when jsonb_typeof(d.message -> 'original_headers') = 'object'
                     then d.message -> 'original_headers' else '{}' end as headers
       ) o
       cross join lateral (
         select case when jsonb_typeof(d.message -> 'attempts') = 'array' then d.message -> 'attempts' else '[]' end as own,
                case when jsonb_typeof(o.headers -> 'attempts') = 'array' then o.headers -> 'attempts' else '[]' end as earlier
       ) a
       cross join lateral (
         -- The failures before the one that it died of, those of former lives included.
         select case when a.own @> a.earlier then a.own else a.earlier || a.own end as attempts
       ) h
       where d.sends
    ), queued as (
      -- All at once, and not one by one with pgmq.send, which takes a millisecond for each.
      insert into pgmq.%3$I (vt, message, headers)
      select clock_timestamp(), r.message, r.headers from resent r order by r.place
      returning msg_id
    ), sent as (
      -- Ids are given away in the order of the rows.
      select r.msg_id, q.msg_id as new_id
        from resent r
        join (select msg_id, row_number() over (order by msg_id) as place from queued) q using (place)
    ), archived as (
      insert into pgmq.%2$I (msg_id, vt, read_ct, enqueued_at, message, headers)
      select %4$s, g.vt, g.read_ct, g.enqueued_at, g.message,
             %5$s || jsonb_strip_nulls(jsonb_build_object(
               'action', 'replay', 'action_id', $3, 'new_msg_id', s.new_id,
               'already_merged', case when not g.sends then true end,
               'edited', case when $4 is not null then true end))
        from gone g
        left join sent s using (msg_id)
    )
    select count(*), count(*) filter (where not g.sends) from gone g
    $statement$,
    v_tables.letters, v_tables.letter_archive, v_tables.queue,
    public.archived_letter_id(v_tables.letter_archive), public.archived_letter_headers(v_tables.letter_archive)
  ) into v_moved, v_merged using p_msg_ids, p_sends, v_action_id, p_edit;

  perform public.count_action_part(p_action_key, p_queue, p_runner, v_moved, v_merged);
  return v_moved;
end
$$;
revoke execute on function public.replay_dead_letters(uuid, text, text, bigint[], boolean[], jsonb) from public;
-- Moves the next archived messages of a range back to their queue under their ids and times, oldest first, from after a
-- place (p_after_at, p_after_id) on. Their identity stays, so the ledger of the central store decides: what is in it is
-- archived again as a duplicate. Those stay in the archive that were copied from another source or set aside, whose id is in
-- the queue (taken), does not say which one it was (unknown_id), or has yet to be given away (ahead_of_sequence). A chunk is
-- 64 MB at most, unless it is one message. last_at is null where none is left.
-- Counted in the open part of an operator's action (open_action_part), without which nothing moves.
-- With its owner's rights: operators may not read what archives have of sessions, nor write to queues.
-- Locks: the part's row, then the messages by time; steps over those that others have locked.
create or replace function public.requeue_archived_messages(
  p_action_key uuid,
  p_queue text,
  p_runner text,
  p_from timestamptz,
  p_to timestamptz,
  p_after_at timestamptz,
  p_after_id bigint,
  p_limit integer
)
returns table (
  moved integer,
  taken integer,
  unknown_id integer,
  ahead_of_sequence integer,
  last_at timestamptz,
  last_id bigint
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_copied_until constant timestamptz := coalesce(
    (select s.copied_until from public.singularity_source s), '-infinity');
  v_tables record;
begin
  perform public.count_action_part(p_action_key, p_queue, p_runner);
  select * into v_tables from public.dead_letter_queue_tables(p_queue);
  execute pg_catalog.format(
    $statement$
    with locked as materialized (
      select d.msg_id, d.archived_at,
             case when d.msg_id >= 0 then d.msg_id
                  when d.headers ->> 'archived_msg_id' ~ '^\d{1,18}$'
                  then (d.headers ->> 'archived_msg_id')::bigint end as own_id,
             coalesce(pg_column_size(d.message), 0) as bytes
        from pgmq.%2$I d
       where d.archived_at >= coalesce($3, $1) and d.archived_at <= $2
         and d.archived_at > $6 and not coalesce(d.headers ? 'set_aside', false)
         and ($3 is null or (d.archived_at, d.msg_id) > ($3, $4))
       order by d.archived_at, d.msg_id
       limit $5
         for update of d skip locked
    ), placed as (
      select l.*, row_number() over o as place, sum(l.bytes) over o as total
        from locked l
      window o as (order by l.archived_at, l.msg_id)
    ), chosen as materialized (
      select p.*,
             case when p.own_id is null then 'unknown'
                  when exists (select from pgmq.%1$I q where q.msg_id = p.own_id)
                       or row_number() over (partition by p.own_id order by p.place) > 1 then 'taken'
                  when p.own_id > coalesce(pg_sequence_last_value(
                         pg_get_serial_sequence('pgmq.' || quote_ident($7), 'msg_id')::regclass), 0) then 'ahead'
                  else 'free' end as state
        from placed p
       where p.place = 1 or p.total <= 64 * 1024 * 1024
    ), gone as (
      delete from pgmq.%2$I d
       using chosen c
       where d.msg_id = c.msg_id and c.state = 'free'
      returning c.own_id, d.enqueued_at, d.message, d.headers
    ), queued as (
      insert into pgmq.%1$I (msg_id, read_ct, enqueued_at, vt, message, headers)
      overriding system value
      select g.own_id, 0, g.enqueued_at, clock_timestamp(), g.message,
             (case when jsonb_typeof(g.headers) = 'object' then g.headers else '{}' end - 'archived_msg_id')
               || '{"replayed_from_archive": true}'
        from gone g
       order by g.own_id
    )
    select count(*) filter (where c.state = 'free')::integer, count(*) filter (where c.state = 'taken')::integer,
           count(*) filter (where c.state = 'unknown')::integer, count(*) filter (where c.state = 'ahead')::integer,
           (array_agg(c.archived_at order by c.place desc))[1], (array_agg(c.msg_id order by c.place desc))[1]
      from chosen c
    $statement$,
    v_tables.queue, v_tables.archive
  ) into moved, taken, unknown_id, ahead_of_sequence, last_at, last_id
    using p_from, p_to, p_after_at, p_after_id, p_limit, v_copied_until, v_tables.queue;

  perform public.count_action_part(p_action_key, p_queue, p_runner, moved);
  return next;
end
$$;
revoke execute on function public.requeue_archived_messages(
  uuid, text, text, timestamptz, timestamptz, timestamptz, bigint, integer) from public;
-- Moves discarded dead letters, named by the ids that the archive has them under, back to their dead-letter queue, with the
-- ids, times, counts and headers that they had. One whose own id is not free gets another one, and one that is there
-- already stays in the archive. Gives how many came back, and how many of them got another id.
-- Counted in the open part of an operator's action (open_action_part), without which nothing moves.
-- With its owner's rights: operators may write neither to queues nor to their archives.
-- Locks: the part's row, then the rows of the archive in the order of their table.
create or replace function public.restore_dead_letters(
  p_action_key uuid,
  p_queue text,
  p_runner text,
  p_msg_ids bigint[]
)
returns table (moved integer, renumbered integer)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_tables record;
  v_moved integer;
  v_renumbered integer;
begin
  -- @plpgsql_check_options: security_warnings = off
  -- What is put into the statement as text are names and expressions that functions of ours make of the queue's name.
  perform public.count_action_part(p_action_key, p_queue, p_runner);
  select * into v_tables from public.dead_letter_queue_tables(p_queue);
  execute pg_catalog.format(
    $statement$
    with named as materialized (
      select d.msg_id, d.enqueued_at,
             case when d.msg_id >= 0 then d.msg_id
                  when d.headers ->> 'archived_msg_id' ~ '^\d{1,18}$'
                  then (d.headers ->> 'archived_msg_id')::bigint end as own_id
        from pgmq.%2$I d
       where d.msg_id = any ($1) and d.headers ->> 'action' = 'discard'
    ), imported as materialized (
      -- By time, not one by one: many may have come at one moment.
      select x.enqueued_at, x.headers ->> 'imported_letter_id' as own_id
        from pgmq.%1$I x
       where x.enqueued_at between (select min(n.enqueued_at) from named n) and (select max(n.enqueued_at) from named n)
         and x.headers ->> 'imported_letter_id' is not null
    ), absent as materialized (
      select n.msg_id, n.own_id,
             n.own_id is not null
               and row_number() over (partition by n.own_id order by n.enqueued_at, n.msg_id) = 1
               and n.own_id <= coalesce(pg_sequence_last_value(pg_get_serial_sequence('pgmq.' || quote_ident($2), 'msg_id')::regclass), 0)
               and not exists (select from pgmq.%1$I x where x.msg_id = n.own_id) as keeps_id
        from named n
       where not exists (select from pgmq.%1$I x
                          where x.msg_id = n.own_id and x.enqueued_at = n.enqueued_at)
         and not exists (select from imported i where i.enqueued_at = n.enqueued_at and i.own_id = n.own_id::text)
    ), gone as (
      delete from pgmq.%2$I
       using absent a
       where %2$I.msg_id = a.msg_id
      returning a.own_id, a.keeps_id, vt, read_ct, enqueued_at, message %3$s,
                case when headers ? 'headers_before' then headers -> 'headers_before' -> 0
                     else nullif(headers - array['action', 'action_id', 'archived_msg_id'], '{}') end as headers
    ), kept as (
      insert into pgmq.%1$I (msg_id, vt, read_ct, enqueued_at, message, headers %3$s)
      overriding system value
      select own_id, vt, read_ct, enqueued_at, message, headers %3$s
        from gone where keeps_id
    ), renumbered as (
      insert into pgmq.%1$I (vt, read_ct, enqueued_at, message, headers %3$s)
      select vt, read_ct, enqueued_at, message,
             case when jsonb_typeof(headers) = 'object' then headers else '{}' end
               || jsonb_strip_nulls(jsonb_build_object('imported_letter_id', own_id)) %3$s
        from gone where not keeps_id
    )
    select count(*), count(*) filter (where not keeps_id) from gone
    $statement$,
    v_tables.letters, v_tables.letter_archive, v_tables.last_read
  ) into v_moved, v_renumbered using p_msg_ids, v_tables.letters;

  perform public.count_action_part(p_action_key, p_queue, p_runner, v_moved);
  return query select v_moved, v_renumbered;
end
$$;
revoke execute on function public.restore_dead_letters(uuid, text, text, bigint[]) from public;
-- Runs a scheduled job now, in the caller's transaction, and writes the run down: see run_job_step. Of a job
-- that works in steps this is one; `call run_job_in_steps(…)` does them all.
-- With its owner's rights, and so are the jobs: whoever runs them needs none of their own.
-- Locks: see run_job_step.
create or replace function public.run_job(p_job_name text, p_started_by text default session_user)
returns table (
  status text,
  result jsonb,
  error text,
  started_at timestamptz,
  finished_at timestamptz
)
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.status, s.result, s.error, s.started_at, s.finished_at
    from public.run_job_step(p_job_name, p_started_by) s;
$$;
revoke execute on function public.run_job(text, text) from public;
-- Runs a scheduled job with all of its steps, each in a transaction of its own: for pg_cron, which calls it.
-- Not in a transaction of the caller's: it commits.
--
-- PostgreSQL lets no procedure commit that has settings or its owner's rights. So this one has neither: every
-- name in it is qualified, it uses no operator, and the rights are those of run_job_step.
create or replace procedure public.run_job_in_steps(p_job_name text, p_started_by text default session_user)
language plpgsql
as $$
declare
  v_run_id pg_catalog.int8;
  v_more pg_catalog.bool;
begin
  loop
    select s.run_id, s.more into v_run_id, v_more
      from public.run_job_step(p_job_name, p_started_by, v_run_id) s;
    commit;
    exit when v_more is not true;
  end loop;
end
$$;
revoke execute on procedure public.run_job_in_steps(text, text) from public;
-- Runs a scheduled job, or the next step of a run of it, and writes it down: the same history, whoever
-- starts it.
--
-- A job that declares a step function does its work in steps, each in a transaction of its own: the caller
-- commits, and calls again with the run's id as long as `more` is true. That ends when a step leaves nothing
-- to do, or when the run is as old as the job allows. A run is one row of the history; it sums up its steps.
--
-- A job never overlaps itself: while a run or step of it goes on, in whatever session, another is 'skipped', and its
-- error says whose run that is; where it was the next step of a run, that run ends there, because somebody else goes on
-- with it. Two schedulers that both take themselves for the leader exclude each other by that, too.
-- A failure, a cancelled statement included, is undone, recorded as 'failed', and not raised. Only an
-- unknown name is an error. What dies with its connection leaves nothing of its last step.
-- The result is an array of the rows that the function returned.
-- With its owner's rights, and so are the jobs: whoever runs them needs none of their own.
-- Locks: the row of the run that goes on, and one of ours for the job (take_lock), until the end of the transaction;
-- then what the function locks. Whoever holds one of those is waited for ten seconds at most; then the run has failed,
-- and its error says who it was.
create or replace function public.run_job_step(
  p_job_name text,
  p_started_by text default session_user,
  p_run_id bigint default null
)
returns table (
  run_id bigint,
  status text,
  result jsonb,
  error text,
  started_at timestamptz,
  finished_at timestamptz,
  more boolean
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set lock_timeout = '10s'
as $$
declare
  v_started_at timestamptz := pg_catalog.clock_timestamp();
  v_job public.scheduled_jobs;
  v_run public.job_runs;
  v_status text := 'succeeded';
  v_result jsonb;
  v_error text;
  v_more boolean := false;
  v_holder text;
begin
  select j.* into v_job from public.scheduled_jobs j where j.job_name = p_job_name;
  if not found then
    raise exception 'there is no job %; the jobs are %', pg_catalog.quote_nullable(p_job_name),
      (select pg_catalog.string_agg(j.job_name, ', ' order by j.job_name) from public.scheduled_jobs j)
      using errcode = 'undefined_object';
  end if;
  select r.* into v_run
    from public.job_runs r
   where r.run_id = p_run_id and r.job_name = p_job_name and r.status = 'succeeded'
     for update;

  v_holder := public.take_lock('job ' || p_job_name);
  if v_holder is null then
    begin
      execute pg_catalog.format(
        'select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(r)), ''[]'') '
        'from (select * from public.%I()) r',
        coalesce(v_job.step_function_name, v_job.function_name)
      ) into v_result;
    exception
      -- "others" leaves these two out.
      when others or query_canceled or assert_failure then
        v_status := 'failed';
        v_result := null;
        v_error := pg_catalog.format('%s (%s)', sqlerrm, sqlstate);
        -- Where it does not say so itself.
        if sqlstate = '55P03' and sqlerrm !~ 'process \d' then
          v_error := v_error || ', held by ' || public.sessions_in_the_way();
        end if;
    end;
  else
    v_status := 'skipped';
    v_error := 'a run of it goes on: ' || v_holder;
  end if;

  if v_job.step_function_name is not null and v_status = 'succeeded' then
    v_more := v_result @> '[{"more": true}]'
      and pg_catalog.clock_timestamp() < coalesce(v_run.started_at, v_started_at) + v_job.longest_run;
    v_result := v_result #- '{0,more}';
  end if;

  if v_run.run_id is null then
    return query
    insert into public.job_runs as r
      (job_name, status, result, error, started_by, started_at, finished_at)
    values (p_job_name, v_status, v_result, v_error, p_started_by, v_started_at, pg_catalog.clock_timestamp())
    returning r.run_id, r.status, r.result, r.error, r.started_at, r.finished_at, v_more;
    return;
  end if;

  return query
  update public.job_runs r
     set status = case v_status when 'failed' then 'failed' else r.status end,
         result = case v_status when 'succeeded' then public.add_job_results(r.result, v_result) else r.result end,
         error = case v_status when 'failed' then v_error || '; what the run had done before stays done' end,
         finished_at = pg_catalog.clock_timestamp()
   where r.run_id = v_run.run_id
  returning r.run_id, r.status, r.result, r.error, r.started_at, r.finished_at, v_more;
end
$$;
revoke execute on function public.run_job_step(text, text, bigint) from public;
-- One step of a run that an operator asked for, as run_job_step: its history says `operator`, and no schedule. p_run_id: the
-- run that goes on; null begins one.
-- With its owner's rights: operators may neither run jobs under another's name nor write to their history.
-- Locks: those of run_job_step.
create or replace function public.run_job_step_by_hand(p_job_name text, p_run_id bigint default null)
returns table (
  run_id bigint,
  status text,
  result jsonb,
  error text,
  started_at timestamptz,
  finished_at timestamptz,
  more boolean
)
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.run_id, s.status, s.result, s.error, s.started_at, s.finished_at, s.more
    from public.run_job_step(p_job_name, 'operator', p_run_id) s;
$$;
revoke execute on function public.run_job_step_by_hand(text, bigint) from public;
-- Notes where the next chunk of a part begins: its cursor, its pass, and what the kind of action counts besides. What was
-- moved is counted by what moved it, in the same transaction.
-- With its owner's rights: operators may not write to the table themselves.
-- Locks: the part's row, which lock_action_part has locked.
create or replace function public.save_action_part(
  p_action_key uuid,
  p_queue text,
  p_runner text,
  p_detail jsonb,
  p_cursor_at timestamptz,
  p_cursor_id bigint,
  p_pass_number integer
)
returns setof public.operator_action_progress
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  update public.operator_action_progress p
     set detail = p_detail,
         cursor_at = p_cursor_at,
         cursor_id = p_cursor_id,
         pass_number = p_pass_number,
         updated_at = pg_catalog.clock_timestamp()
   where p.action_key = p_action_key and p.queue = p_queue and p.runner = p_runner and p.login = session_user
  returning p.*;
$$;
revoke execute on function public.save_action_part(uuid, text, text, jsonb, timestamptz, bigint, integer) from public;
-- Where the functions of pgcrypto are, quoted: for functions into whose text it is written when they are applied. Where
-- pgcrypto is not installed it is pg_catalog, which has no such functions and in which nobody but a superuser
-- can make any, so that nobody is called in their place.
-- Locks: nothing.
create or replace function public.schema_of_pgcrypto()
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce((select pg_catalog.quote_ident(n.nspname)
                     from pg_catalog.pg_extension e
                     join pg_catalog.pg_namespace n on n.oid = e.extnamespace
                    where e.extname = 'pgcrypto'), 'pg_catalog');
$$;
revoke execute on function public.schema_of_pgcrypto() from public;
-- Seals bytes so that only the holder of a private key can open them; the one place that knows how.
--
-- x25519-sealedbox is libsodium's sealed box, by pgsodium; openpgp is a message for a public key, by
-- pgcrypto, with AES-256 and its integrity protection. Each extension is found where it was installed,
-- and named only when it is needed, so this function compiles without either. Never quotes the bytes
-- in an error. Each call gives other bytes, because each seal has a key of its own. Locks nothing.
create or replace function public.seal_bytes(p_algorithm text, p_public_key bytea, p_plaintext bytea)
returns bytea
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_extension constant text := case p_algorithm
    when 'x25519-sealedbox' then 'pgsodium'
    when 'openpgp' then 'pgcrypto'
  end;
  v_schema text;
  v_sealed bytea;
begin
  if v_extension is null then
    raise exception 'there is no session key algorithm %; known are openpgp and x25519-sealedbox',
      pg_catalog.quote_nullable(p_algorithm);
  end if;

  select n.nspname into v_schema
    from pg_catalog.pg_extension e
    join pg_catalog.pg_namespace n on n.oid = e.extnamespace
   where e.extname = v_extension;
  if v_schema is null then
    raise exception 'session keys of algorithm % need the extension %, which this database does not have',
      p_algorithm, v_extension;
  end if;

  if v_extension = 'pgsodium' then
    execute pg_catalog.format('select %I.crypto_box_seal($1, $2)', v_schema)
       into v_sealed using p_plaintext, p_public_key;
  else
    -- Nothing is compressed: its length would tell about its content.
    execute pg_catalog.format(
              'select %I.pgp_pub_encrypt_bytea($1, $2, '
              '''cipher-algo=aes256, compress-algo=0, disable-mdc=0'')', v_schema)
       into v_sealed using p_plaintext, p_public_key;
  end if;
  return v_sealed;
end
$$;
revoke execute on function public.seal_bytes(text, bytea, bytea) from public;
-- Seals states of sessions for CentralCloud; the n-th result is the n-th state's: {alg, key_id, data}, and data_key
-- where alg is openpgp-data-key. data and data_key are base64 on one line.
--
-- What is sealed is a line that says whose state it is ({source, agent, session, version}, version being the
-- message's synced_at in UTC), then the state's text, so numbers keep every digit. A state that turns up
-- under another name is refused by its reader. States that are sealed for a key that does not bind are sealed alone,
-- for consumers of an older version.
--
-- A key of openpgp seals a data key (session_data_key), and that the states: two OpenPGP messages, the second one
-- symmetric. Its passphrase is random, so it is hashed once. Nothing is compressed: its length would tell about its
-- content. Any other key seals each state by itself.
--
-- Raises an error when no session key is active (55000), when this database can't seal for it, or when one of the
-- states can't be sealed (class 22); whoever calls this decides what then becomes of the sessions. No error, plan or
-- statistics holds any of the states. Each call gives other bytes.
-- Locks: nothing; it reads session_keys and singularity_source. A transaction whose statements all see one moment
-- (repeatable read) locks the row of singularity_source, shared, since that may have got another id since (renew).
do $do$
begin
  execute pg_catalog.replace(
    $function$
      create or replace function public.seal_session_states(
        p_agent_ids text[],
        p_session_ids text[],
        p_versions timestamptz[],
        p_states jsonb[]
      )
      returns jsonb[]
      language plpgsql
      volatile
      set search_path = pg_catalog, pg_temp
      as $body$
      declare
        v_count constant integer := pg_catalog.cardinality(p_states);
        v_key public.session_keys;
        v_source_id uuid;
        v_data_key text[];
        v_plaintext bytea;
        v_sealed jsonb[] := array[]::jsonb[];
      begin
        select k.* into v_key from public.session_keys k where k.active;
        if not found then
          raise exception 'no session key is active'
            using errcode = 'object_not_in_prerequisite_state', hint = 'Run `centralcloud keys add --from FILE --activate`.';
        end if;
        if v_key.binds then
          if pg_catalog.current_setting('transaction_isolation') <> 'read committed' then
            -- What the transaction sees may be older than the source's id. Then this fails, and the next sync seals.
            perform from public.singularity_source o for share;
          end if;
          select o.source_id into strict v_source_id from public.singularity_source o;
          if v_key.algorithm = 'openpgp' then
            -- Without it, somebody else may have made what is called below.
            if not exists (select from pg_catalog.pg_extension e where e.extname = 'pgcrypto') then
              raise exception 'session keys of algorithm openpgp need the extension pgcrypto, which this database does not have';
            end if;
            v_data_key := public.session_data_key(v_key.public_key, v_key.data_key_secret, v_count);
          end if;
        end if;

        for v_place in 1..v_count loop
          if p_states[v_place] is null then
            raise exception 'there is no state to seal';
          end if;
          v_plaintext := pg_catalog.convert_to(p_states[v_place]::text, 'UTF8');
          if v_key.binds then
            v_plaintext := pg_catalog.convert_to(
              pg_catalog.json_build_object(
                'source', v_source_id,
                'agent', p_agent_ids[v_place],
                'session', p_session_ids[v_place],
                'version', pg_catalog.to_char(
                  p_versions[v_place] at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
              )::text || e'\n', 'UTF8') || v_plaintext;
          end if;
          if v_data_key is null then
            v_sealed[v_place] := pg_catalog.jsonb_build_object(
              'alg', v_key.algorithm,
              'key_id', v_key.key_id,
              'data', pg_catalog.translate(
                pg_catalog.encode(public.seal_bytes(v_key.algorithm, v_key.public_key, v_plaintext), 'base64'),
                e'\n', '')
            );
          else
            v_sealed[v_place] := pg_catalog.jsonb_build_object(
              'alg', 'openpgp-data-key',
              'key_id', v_key.key_id,
              'data_key', v_data_key[2],
              'data', pg_catalog.translate(
                pg_catalog.encode(
                  pgcrypto.pgp_sym_encrypt_bytea(
                    v_plaintext, v_data_key[1],
                    's2k-mode=0, s2k-digest-algo=sha256, cipher-algo=aes256, compress-algo=0, disable-mdc=0'),
                  'base64'),
                e'\n', '')
            );
          end if;
        end loop;
        return v_sealed;
      exception
        when data_exception then
          -- A character that can't be encoded is quoted by PostgreSQL's own error.
          raise exception 'the state can''t be sealed for session key % (%)',
            pg_catalog.quote_literal(v_key.key_id), sqlstate
            using errcode = sqlstate;
      end
      $body$
    $function$,
    'pgcrypto.',
    public.schema_of_pgcrypto() || '.');
end
$do$;
revoke execute on function public.seal_session_states(text[], text[], timestamptz[], jsonb[]) from public;
-- The data key of this database session: a secret that seals up to 1,000 states in at most five minutes. Gives
-- it (64 hexadecimal digits, an OpenPGP passphrase) and, in base64 on one line, itself sealed for the public key.
-- A new one is made where there is none yet, where it is spent or old, and where it belongs to another session key.
--
-- It is kept nowhere. The session setting centralcloud.data_key holds a random number, the time, the sealed data
-- key and a hash of these three that takes the session key's secret to make; the data key is made of that secret
-- and the number. So the secret alone, which a dump has, gives no data key, and neither does the setting alone, which
-- whoever uses this connection can read; and a setting that somebody else wrote does not count.
--
-- Secrets pass through plain assignments only: those are no statements, so no log, plan or statistics has them.
-- The schema of pgcrypto is written into the function, because to look it up takes such statements.
-- Locks: nothing.
do $do$
begin
  execute pg_catalog.replace(
    $function$
      create or replace function public.session_data_key(p_public_key bytea, p_secret text, p_seals integer)
      returns text[]
      language plpgsql
      volatile
      set search_path = pg_catalog, pg_temp
      as $body$
      declare
        v_now constant bigint := pg_catalog.floor(extract(epoch from pg_catalog.clock_timestamp()))::bigint;
        v_kept constant text[] := pg_catalog.string_to_array(
          pg_catalog.current_setting('centralcloud.data_key', true), ' ');
        v_used text := pg_catalog.current_setting('centralcloud.data_key_seals', true);
        v_number text;
        v_sealed text;
        v_described text;
      begin
        if pg_catalog.cardinality(v_kept) = 4
           and v_kept[4] = pg_catalog.encode(
             pgcrypto.hmac(v_kept[1] || ' ' || v_kept[2] || ' ' || v_kept[3], p_secret, 'sha256'), 'hex')
        then
          -- Only now it is known to be ours.
          if v_now - v_kept[2]::bigint between 0 and 299 and v_used ~ '^[0-9]{1,4}$' then
            if v_used::integer + p_seals <= 1000 then
              v_used := pg_catalog.set_config(
                'centralcloud.data_key_seals', (v_used::integer + p_seals)::text, false);
              return array[
                pg_catalog.encode(pgcrypto.hmac('data key ' || v_kept[1], p_secret, 'sha256'), 'hex'),
                v_kept[3]
              ];
            end if;
          end if;
        end if;

        v_number := pg_catalog.encode(pgcrypto.gen_random_bytes(32), 'hex');
        v_sealed := pg_catalog.translate(
          pg_catalog.encode(
            pgcrypto.pgp_pub_encrypt_bytea(
              pg_catalog.convert_to(
                pg_catalog.encode(pgcrypto.hmac('data key ' || v_number, p_secret, 'sha256'), 'hex'), 'UTF8'),
              p_public_key, 'cipher-algo=aes256, compress-algo=0, disable-mdc=0'),
            'base64'),
          e'\n', '');
        v_described := v_number || ' ' || v_now || ' ' || v_sealed;
        v_described := pg_catalog.set_config(
          'centralcloud.data_key',
          v_described || ' ' || pg_catalog.encode(pgcrypto.hmac(v_described, p_secret, 'sha256'), 'hex'), false);
        v_used := pg_catalog.set_config('centralcloud.data_key_seals', p_seals::text, false);
        return array[
          pg_catalog.encode(pgcrypto.hmac('data key ' || v_number, p_secret, 'sha256'), 'hex'),
          v_sealed
        ];
      end
      $body$
    $function$,
    'pgcrypto.',
    public.schema_of_pgcrypto() || '.');
end
$do$;
revoke execute on function public.session_data_key(bytea, text, integer) from public;
-- Which session has a lock that hold_lock gave: in words, an empty text where it is this one, null where none has.
-- Locks: none.
create or replace function public.session_with_lock(p_lock_name text)
returns text
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select case when l.pid = pg_catalog.pg_backend_pid() then '' else public.describe_sessions(array[l.pid]) end
    from public.centralcloud_locks c
    join pg_catalog.pg_locks l on l.pid = c.holder_pid
   where c.lock_name = p_lock_name and l.granted and public.is_advisory_lock(l, c.holder_key);
$$;
revoke execute on function public.session_with_lock(text) from public;
-- Who may have kept a statement of ours waiting that gave up a moment ago, in words; never null.
-- PostgreSQL does not keep whom it waited for. So these are the sessions with a lock on a table of ours that keeps
-- others from changing it; where there is none, those that have changed or locked rows and were still there a moment
-- later.
-- Locks: none.
create or replace function public.sessions_in_the_way()
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_database constant oid := (select d.oid from pg_catalog.pg_database d
                               where d.datname = pg_catalog.current_database());
  v_ours constant oid[] := array(
    select c.oid
      from pg_catalog.pg_class c
     where c.relkind in ('r', 'p', 'm')
       and (c.relnamespace = pg_catalog.to_regnamespace('pgmq')
            or c.relowner = (select o.relowner from pg_catalog.pg_class o
                              where o.oid = 'public.centralcloud_locks'::regclass)));
  v_transactions text[];
  v_pids integer[];
begin
  v_pids := array(
    select l.pid from pg_catalog.pg_locks l
     where l.locktype = 'relation' and l.database = v_database and l.relation = any (v_ours)
       and l.granted and l.pid is distinct from pg_catalog.pg_backend_pid()
       and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'));
  if pg_catalog.cardinality(v_pids) = 0 then
    v_transactions := array(
      select l.virtualtransaction from pg_catalog.pg_locks l
       where l.locktype = 'relation' and l.database = v_database and l.relation = any (v_ours)
         and l.mode in ('RowShareLock', 'RowExclusiveLock'));
    perform pg_catalog.pg_sleep(0.1);
    v_pids := array(
      select l.pid from pg_catalog.pg_locks l
       where l.locktype = 'relation' and l.database = v_database and l.relation = any (v_ours)
         and l.mode in ('RowShareLock', 'RowExclusiveLock')
         and l.virtualtransaction = any (v_transactions)
         and l.pid is distinct from pg_catalog.pg_backend_pid());
  end if;
  return coalesce(public.describe_sessions(v_pids), 'a transaction that has just ended');
end
$$;
revoke execute on function public.sessions_in_the_way() from public;
-- Brings up to date what each agent knows, from the patterns of the last 24 hours, and queues a summary.
--
-- Of an agent's patterns, agents.known_patterns keeps the most confident: at most 100, and at most
-- 256 kB of them; pattern_count says how many there are in all. Agents that learned but were never
-- entered are entered. A pattern that is too deep to be kept among others is left out of known_patterns; an agent
-- that somebody has locked is left for the next run. Where the summary can't be queued, the agents stay marked, and the next sync
-- run queues it.
-- For update_agent_knowledge, which sees to it that one run follows the other.
-- Locks: the agents that learned, in the order of their ids (skip locked).
create or replace function public.sum_up_knowledge()
returns table (agents_updated integer, total_patterns integer)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_agent_ids text[];
  v_agents_updated integer;
  v_total_patterns integer;
begin
  insert into public.agents (agent_id)
  select distinct p.agent_id
    from public.learned_patterns p
   where p.learned_at > pg_catalog.now() - interval '24 hours'
     -- An insert that meets a row which somebody is changing would wait for them.
     and not exists (select from public.agents a where a.agent_id = p.agent_id)
   order by p.agent_id
  on conflict (agent_id) do nothing;

  v_agent_ids := array(
    select a.agent_id
      from public.agents a
     where exists (
       select from public.learned_patterns p
        where p.agent_id = a.agent_id and p.learned_at > pg_catalog.now() - interval '24 hours'
     )
     order by a.agent_id
       for no key update skip locked
  );

  with recent as (
    select p.id, p.agent_id, p.confidence, p.learned_at
      from public.learned_patterns p
     where p.learned_at > pg_catalog.now() - interval '24 hours'
       and p.agent_id in (select u.agent_id from pg_catalog.unnest(v_agent_ids) u (agent_id))
  ),
  counted as (
    select r.agent_id,
           count(*)::integer as pattern_count,
           pg_catalog.trim_scale(pg_catalog.round(avg(r.confidence), 6)) as confidence
      from recent r
     group by r.agent_id
  ),
  -- Of the others, no pattern is looked at.
  chosen as (
    select n.id, n.agent_id, n.place
      from (
        select r.id, r.agent_id,
               pg_catalog.row_number() over (
                 partition by r.agent_id order by r.confidence desc, r.learned_at desc, r.id desc
               ) as place
          from recent r
      ) n
     where n.place <= 100
  ),
  sized as (
    -- What is large as it is stored is not unpacked: compressed, it may be 256 times as large.
    select c.agent_id, c.place, p.pattern, p.confidence, p.learned_at,
           case when pg_catalog.pg_column_size(p.pattern) <= 131072 then pg_catalog.octet_length(p.pattern::text)
                else 262145 end as size
      from chosen c
      join public.learned_patterns p using (id)
  ),
  ranked as (
    select z.*,
           pg_catalog.sum(z.size) filter (where z.size <= 262144) over (
             partition by z.agent_id order by z.place
           ) as total_size
      from sized z
  ),
  known as (
    select r.agent_id,
           pg_catalog.jsonb_agg(
             pg_catalog.jsonb_build_object(
               'pattern', r.pattern, 'confidence', r.confidence, 'learned_at', r.learned_at
             ) order by r.place
           ) filter (
             where r.size <= 262144 and r.total_size <= 262144
               -- Few levels fit into few characters.
               and case when r.size > 1000 then public.can_be_nested(r.pattern) else true end
           ) as known_patterns
      from ranked r
     group by r.agent_id
  ),
  knowledge as (
    select c.agent_id, c.pattern_count, c.confidence, coalesce(k.known_patterns, '[]') as known_patterns
      from counted c
      join known k using (agent_id)
  ),
  updated as (
    update public.agents a
       set known_patterns = k.known_patterns,
           pattern_count = k.pattern_count,
           confidence = k.confidence,
           knowledge_updated_at = pg_catalog.clock_timestamp(),
           knowledge_unsynced = true
      from knowledge k
     where a.agent_id = k.agent_id
    returning k.pattern_count
  )
  select count(*)::integer, coalesce(sum(u.pattern_count), 0)::integer
    into v_agents_updated, v_total_patterns
    from updated u;

  perform public.queue_agent_knowledge();
  return query select v_agents_updated, v_total_patterns;
end
$$;
revoke execute on function public.sum_up_knowledge() from public;
-- Queues whatever is not yet on its way to CentralCloud (patterns, sessions, the agents' knowledge),
-- up to 10,000 patterns and 1,000 sessions a call, and records the batch; then marks earlier batches
-- delivered whose messages have all left their queues.
--
-- Gives the batch's ULID and its number of patterns; null and 0 where nothing was to be queued.
-- What can't be queued stays unsynced, with the reason. Two callers never queue a row twice: each
-- skips what the other has locked.
-- With its owner's rights: a caller needs none on queues, keys or the log.
-- Locks: the taken rows of learned_patterns, then of agent_sessions (both skip locked), then agents
-- whose knowledge is marked, then queued rows of learning_sync_log.
create or replace function public.sync_learning_to_centralcloud()
returns table (batch_id text, pattern_count integer)
language sql
security definer
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
  select s.batch_id, s.pattern_count from public.sync_next_learning() s;
$$;
revoke execute on function public.sync_learning_to_centralcloud() from public;
-- One step of a sync: queues up to 10,000 patterns and 1,000 sessions that are not yet on their way to
-- CentralCloud, and the agents' knowledge, and records the batch; then marks earlier batches delivered whose
-- messages have all left their queues. `more` says that it took as many as it may and could queue some, so that
-- there may be others.
-- Locks: the taken rows of learned_patterns, then of agent_sessions (both skip locked), then agents
-- whose knowledge is marked, then queued rows of learning_sync_log.
create or replace function public.sync_next_learning()
returns table (batch_id text, pattern_count integer, more boolean)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_batch_id text;
  v_patterns record;
  v_sessions record;
begin
  select * into v_patterns from public.queue_unsynced_patterns(10000);
  select * into v_sessions from public.queue_unsynced_sessions(1000);
  perform public.queue_agent_knowledge();

  if v_patterns.message_count + v_sessions.message_count > 0 then
    v_batch_id := public.gen_ulid();
    insert into public.learning_sync_log
      (batch_id, pattern_count, first_pattern_msg_id, last_pattern_msg_id,
       session_count, first_session_msg_id, last_session_msg_id)
    values
      (v_batch_id, v_patterns.message_count, v_patterns.first_msg_id, v_patterns.last_msg_id,
       v_sessions.message_count, v_sessions.first_msg_id, v_sessions.last_msg_id);
  end if;

  perform public.mark_delivered_batches();
  return query select v_batch_id, v_patterns.message_count, v_patterns.more or v_sessions.more;
end
$$;
revoke execute on function public.sync_next_learning() from public;
-- Takes one of our locks until the end of the transaction, waiting for it no longer than p_longest_wait.
-- Gives null when we have it, else who has it, in words.
--
-- The lock is that of a row of centralcloud_locks. An application has no right on that table, so it can't take one;
-- an advisory lock could be taken by any login. It can only keep one that a function of ours took for it, by leaving
-- its transaction open; that is why each wait ends, and says for whom it was.
-- It is tried again and again instead of waited for: PostgreSQL forgets whom a statement waited for when it gives up.
-- Locks: the row. A lock that is used for the first time is entered; who enters it, too, has it.
create or replace function public.take_lock(p_lock_name text, p_longest_wait interval default '0')
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '50ms'
as $$
declare
  v_deadline constant timestamptz := pg_catalog.clock_timestamp() + p_longest_wait;
begin
  loop
    if not exists (select from public.centralcloud_locks l where l.lock_name = p_lock_name) then
      begin
        insert into public.centralcloud_locks (lock_name) values (p_lock_name) on conflict (lock_name) do nothing;
      exception
        when lock_not_available then
          null;
      end;
    end if;
    perform from public.centralcloud_locks l where l.lock_name = p_lock_name for update skip locked;
    if found then
      return null;
    end if;
    exit when pg_catalog.clock_timestamp() >= v_deadline;
    perform pg_catalog.pg_sleep(0.02);
  end loop;
  return public.describe_lock_holder(p_lock_name);
end
$$;
revoke execute on function public.take_lock(text, interval) from public;
-- When a ULID was made, to the millisecond.
-- 01GV5PA9EQG7D82Q3Y4PKBZSYV was made at 2023-03-10 12:00:49.111 UTC.
create or replace function public.ulid_timestamp(p_ulid text)
returns timestamptz
language sql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select timestamptz '1970-01-01 00:00:00+00'
       + interval '1 millisecond' * public.decode_base32(pg_catalog.left(public.uuid_to_ulid(public.ulid_to_uuid(p_ulid)), 10));
$$;
-- The same 128 bits as a uuid.
-- 01GV5PA9EQG7D82Q3Y4PKBZSYV is 0186cb65-25d7-81da-815c-7e25a6bfe7db.
create or replace function public.ulid_to_uuid(p_ulid text)
returns uuid
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  -- 26 characters hold 130 bits, so the first may be at most 7.
  if pg_catalog.length(p_ulid) <> 26 or public.decode_base32(pg_catalog.left(p_ulid, 1)) > 7 then
    raise exception '% is not a ULID: it must have 26 characters and begin with 0 to 7', p_ulid
      using errcode = '22023';
  end if;
  return (
    pg_catalog.lpad(pg_catalog.to_hex(public.decode_base32(pg_catalog.substr(p_ulid, 1, 10))), 12, '0')
    || pg_catalog.lpad(pg_catalog.to_hex(public.decode_base32(pg_catalog.substr(p_ulid, 11, 8))), 10, '0')
    || pg_catalog.lpad(pg_catalog.to_hex(public.decode_base32(pg_catalog.substr(p_ulid, 19, 8))), 10, '0')
  )::uuid;
end
$$;
-- Brings up to date what each agent knows, from the patterns of the last 24 hours, and queues a summary: see
-- sum_up_knowledge.
-- With its owner's rights: a caller needs none on the queue.
-- Locks: one of ours (take_lock), so that one run follows the other and later summaries are newer; then those of
-- sum_up_knowledge. Whatever holds one is waited for five seconds at most, and the error says who does.
create or replace function public.update_agent_knowledge()
returns table (agents_updated integer, total_patterns integer)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set lock_timeout = '5s'
as $$
declare
  v_holder text;
begin
  v_holder := public.take_lock('update agent knowledge', interval '5 seconds');
  if v_holder is not null then
    raise exception 'another transaction has updated what agents know, and has not ended: %', v_holder
      using errcode = 'lock_not_available', hint = 'Commit it or roll it back, then call this again.';
  end if;
  begin
    return query select s.agents_updated, s.total_patterns from public.sum_up_knowledge() s;
  exception
    when lock_not_available then
      raise exception '%, held by %', sqlerrm, public.sessions_in_the_way()
        using errcode = 'lock_not_available', hint = 'Let their transactions end, then call this again.';
  end;
end
$$;
revoke execute on function public.update_agent_knowledge() from public;
-- The same 128 bits as a ULID: the reverse of ulid_to_uuid.
create or replace function public.uuid_to_ulid(p_uuid uuid)
returns text
language sql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select public.encode_base32(('x' || pg_catalog.substr(h.digits, 1, 12))::bit(48)::bigint, 10)
      || public.encode_base32(('x' || pg_catalog.substr(h.digits, 13, 10))::bit(40)::bigint, 8)
      || public.encode_base32(('x' || pg_catalog.substr(h.digits, 23, 10))::bit(40)::bigint, 8)
    from (select pg_catalog.replace(p_uuid::text, '-', '') as digits) h;
$$;
-- How fast agents finish tasks, in steps of five minutes (UTC), one row an agent and step in which it
-- finished any. The same on a plain table and on a hypertable.
-- A duration that measures nothing (NaN, infinite, or beyond what a double holds) is left out as if it were
-- missing, and so is a time that is infinite: one row must not fail the refresh, nor make an average of NaN.
-- Refreshed by refresh_metrics(), concurrently: readers see the old rows until the new ones are ready.
create materialized view if not exists public.agent_performance_5min as
select pg_catalog.date_bin('5 minutes', t.created_at, timestamptz '2000-01-01 00:00:00+00') as bucket,
       t.agent_id,
       count(*) as task_count,
       pg_catalog.round(avg(t.duration_ms), 3) as avg_duration_ms,
       max(t.duration_ms) as max_duration_ms,
       min(t.duration_ms) as min_duration_ms,
       pg_catalog.percentile_cont(0.95) within group (
         -- PostgreSQL may compute this before it leaves rows out. Rounded, since 1e-400 is out of range, too.
         order by case when t.duration_ms < 1e300 then pg_catalog.round(t.duration_ms, 9)::double precision end
       ) as p95_duration_ms
  from public.agent_tasks t
 where t.status = 'completed' and t.duration_ms < 1e300 and pg_catalog.isfinite(t.created_at)
 group by 1, 2;

-- Concurrent refresh needs it; it also answers what happened in a span of time.
create unique index if not exists agent_performance_5min_bucket_agent_id_key
  on public.agent_performance_5min (bucket, agent_id);
-- What decides when a job is due. declared_at is when the list of jobs was last changed: what would have
-- been due before it was not missed. last_started_at is that of any run, a skipped one too.
--
-- A clock that was set back leaves runs behind that are dated in the future. They say nothing of what is due
-- now: a run that is more than a minute ahead is left out, and a list that was changed in the future counts as
-- changed a day ago. The doctor tells of both. By the time of the statement, which an index can be asked for.
create or replace view public.job_times as
select j.job_name,
       j.schedule,
       case
         when o.applied_at > pg_catalog.statement_timestamp() + interval '1 minute'
           then pg_catalog.statement_timestamp() - interval '1 day'
         else o.applied_at
       end as declared_at,
       last.started_at as last_started_at,
       last.started_by as last_started_by,
       success.finished_at as last_success_at
  from public.scheduled_jobs j
  left join centralcloud_migrations.objects o on o.plane = 'singularity'
  left join lateral (
    select r.started_at, r.started_by
      from public.job_runs r
     where r.job_name = j.job_name
       and r.started_at > '-infinity' and r.started_at < pg_catalog.statement_timestamp() + interval '1 minute'
     order by r.started_at desc
     limit 1
  ) last on true
  left join lateral (
    select r.finished_at
      from public.job_runs r
     where r.job_name = j.job_name and r.status = 'succeeded'
       and r.started_at > '-infinity' and r.started_at < pg_catalog.statement_timestamp() + interval '1 minute'
       and r.finished_at > '-infinity' and r.finished_at < pg_catalog.statement_timestamp() + interval '1 minute'
     order by r.started_at desc
     limit 1
  ) success on true;
-- How each job fares, from its runs alone, so that it reads the same whoever runs them. "Last" is the
-- last run that was not skipped; runner is who last ran the job unasked: pg_cron or scheduler.
-- Runs that are dated in the future, because the clock was set back, are left out as in job_times.
create or replace view public.scheduled_jobs_status as
select j.job_name,
       j.schedule,
       j.function_name,
       j.description,
       last.started_at as last_started_at,
       last.status as last_status,
       case when pg_catalog.isfinite(last.finished_at)
         then (extract(epoch from last.finished_at - last.started_at) * 1000)::double precision
       end as last_duration_ms,
       last.error as last_error,
       last.started_by as last_started_by,
       success.finished_at as last_success_at,
       today.run_count as run_count_24h,
       today.failure_count as failure_count_24h,
       today.skipped_count as skipped_count_24h,
       unasked.started_by as runner
  from public.scheduled_jobs j
  left join lateral (
    select r.started_at, r.finished_at, r.status, r.error, r.started_by
      from public.job_runs r
     where r.job_name = j.job_name and r.status <> 'skipped'
       and r.started_at > '-infinity' and r.started_at < pg_catalog.statement_timestamp() + interval '1 minute'
     order by r.started_at desc
     limit 1
  ) last on true
  left join lateral (
    select r.finished_at
      from public.job_runs r
     where r.job_name = j.job_name and r.status = 'succeeded'
       and r.started_at > '-infinity' and r.started_at < pg_catalog.statement_timestamp() + interval '1 minute'
       and r.finished_at > '-infinity' and r.finished_at < pg_catalog.statement_timestamp() + interval '1 minute'
     order by r.started_at desc
     limit 1
  ) success on true
  left join lateral (
    select r.started_by
      from public.job_runs r
     where r.job_name = j.job_name and r.started_by in ('pg_cron', 'scheduler')
       and r.started_at > '-infinity' and r.started_at < pg_catalog.statement_timestamp() + interval '1 minute'
     order by r.started_at desc
     limit 1
  ) unasked on true
 cross join lateral (
    select count(*) filter (where r.status <> 'skipped') as run_count,
           count(*) filter (where r.status = 'failed') as failure_count,
           count(*) filter (where r.status = 'skipped') as skipped_count
      from public.job_runs r
     where r.job_name = j.job_name
       and r.started_at > pg_catalog.statement_timestamp() - interval '24 hours'
       and r.started_at < pg_catalog.statement_timestamp() + interval '1 minute'
  ) today;
-- Every new session, and every change of a session's state or confidence that really is one, goes to
-- CentralCloud, once a statement. PostgreSQL lets a trigger that sees all rows of a statement choose no columns, so the
-- function finds out what has changed.
create or replace trigger agent_sessions_persist_insert
  after insert on public.agent_sessions
  referencing new table as new_sessions
  for each statement
  execute function public.persist_new_sessions();

create or replace trigger agent_sessions_persist_update
  after update on public.agent_sessions
  referencing old table as old_sessions new table as new_sessions
  for each statement
  execute function public.persist_agent_session();
-- What the agents know, a summary an hour; contract knowledge/1.
select public.create_queue('agent-knowledge-updates');
-- Sealed agent sessions, one message a change; contract session/1.
select public.create_queue('agent-sessions');
-- Patterns as they are learned; contract pattern/1.
select public.create_queue('centralcloud-new-patterns');
-- What runs by itself: the one declaration. pg_cron, where the server has it, and the scheduler process
-- elsewhere both read it; a job that is not named here any more is removed.
-- Times are five fields of cron, in UTC. A function takes no arguments, or has defaults for all.
-- A job that must keep up with whatever comes names a step function: it is called, in one transaction after
-- another, until nothing is left, and until shortly before the job is due again.
with declared (job_name, schedule, function_name, step_function_name, longest_run, description) as (
  values
    ('learn-patterns-every-5min', '*/5 * * * *', 'learn_patterns_from_analysis',
     'learn_next_results', interval '290 seconds',
     'learns patterns from new analysis results and queues them'),
    ('sync-learning-every-10min', '*/10 * * * *', 'sync_learning_to_centralcloud',
     'sync_next_learning', interval '590 seconds',
     'queues what is not synced yet and records the batch'),
    ('update-knowledge-hourly', '0 * * * *', 'update_agent_knowledge', null, null,
     'sums up what each agent has learned and queues the summary'),
    ('assign-tasks-every-2min', '*/2 * * * *', 'assign_pending_tasks', null, null,
     'gives waiting tasks to agents that have room'),
    ('refresh-metrics-every-30min', '*/30 * * * *', 'refresh_metrics', null, null,
     'brings agent_performance_5min up to date'),
    ('cleanup-sync-logs-every-6h', '0 */6 * * *', 'cleanup_sync_logs', null, null,
     'removes sync batches after 30 days, undelivered ones after 90'),
    ('archive-tasks-daily', '0 2 * * *', 'archive_completed_tasks', null, null,
     'moves tasks that were completed 90 days ago to the archive'),
    ('cleanup-queue-archives-daily', '30 2 * * *', 'cleanup_queue_archives', null, null,
     'removes archived queue messages after 90 days'),
    ('cleanup-job-runs-daily', '0 3 * * *', 'cleanup_job_runs', null, null,
     'removes job runs after 30 days')
),
removed as (
  delete from public.scheduled_jobs j
   where not exists (select from declared d where d.job_name = j.job_name)
),
locked as (
  -- Entered here, so that the first run of a job needs not wait for another first run.
  insert into public.centralcloud_locks (lock_name)
  select 'job ' || d.job_name from declared d
  on conflict (lock_name) do nothing
)
insert into public.scheduled_jobs as j
  (job_name, schedule, function_name, step_function_name, longest_run, description)
select d.job_name, d.schedule, d.function_name, d.step_function_name, d.longest_run, d.description
  from declared d
on conflict (job_name) do update
  set schedule = excluded.schedule,
      function_name = excluded.function_name,
      step_function_name = excluded.step_function_name,
      longest_run = excluded.longest_run,
      description = excluded.description
  where (j.schedule, j.function_name, j.step_function_name, j.longest_run, j.description)
     is distinct from (excluded.schedule, excluded.function_name, excluded.step_function_name,
                       excluded.longest_run, excluded.description);
-- What an application needs: the tables that are its own, what was learned, and the procedures made for
-- applications. Those that touch queues or keys run with their owner's rights, because the application
-- may see neither. ULIDs are for everybody: those functions read nothing.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_application') is null then
    return;
  end if;

  if not pg_catalog.has_schema_privilege('centralcloud_application', 'public', 'usage') then
    grant usage on schema public to centralcloud_application;
  end if;
  grant select, insert, update
     on public.agents, public.analysis_results, public.agent_sessions, public.pending_tasks, public.agent_tasks
     to centralcloud_application;
  grant select
     on public.learned_patterns, public.agent_tasks_archive, public.agent_performance_5min
     to centralcloud_application;
  grant execute
     on function public.learn_patterns_from_analysis(integer), public.manually_learn_analysis(bigint),
                 public.update_agent_knowledge(), public.sync_learning_to_centralcloud(),
                 public.assign_pending_tasks()
     to centralcloud_application;
end
$$;
-- The captured tables, for whoever captures changes. The columns of agent_sessions are named, so that
-- neither its state nor a column of the future is among them.
-- This covers what SQL reads. The write-ahead log has every column: what a slot gives of agent_sessions is
-- decided by the column list of its publication.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_auditor') is null then
    return;
  end if;

  if not pg_catalog.has_schema_privilege('centralcloud_auditor', 'public', 'usage') then
    grant usage on schema public to centralcloud_auditor;
  end if;
  grant select
     on public.singularity_source, public.agents, public.analysis_results, public.learned_patterns,
        public.pending_tasks, public.agent_tasks, public.learning_sync_log
     to centralcloud_auditor;
  grant select (id, agent_id, confidence, created_at, last_synced_at, unsynced, sync_error)
     on public.agent_sessions
     to centralcloud_auditor;
  grant execute
     on function public.examine_captured_tables(text[], text[]), public.publish_for_capture(text[], text[], boolean),
                 public.end_publication(), public.begin_slot()
     to centralcloud_auditor;
end
$$;
-- What the consumer needs on a source beside its queues, which create_queue grants one by one.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_consumer') is null then
    return;
  end if;

  if not pg_catalog.has_schema_privilege('centralcloud_consumer', 'public', 'usage') then
    grant usage on schema public to centralcloud_consumer;
  end if;
  grant usage on schema pgmq to centralcloud_consumer;
  grant select on public.singularity_source to centralcloud_consumer;
end
$$;
-- What the job runner needs: to know where it is and what is due, and to run it. The jobs themselves run
-- with the rights of the owner of run_job_step.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_jobs') is null then
    return;
  end if;

  if not pg_catalog.has_schema_privilege('centralcloud_jobs', 'public', 'usage') then
    grant usage on schema public to centralcloud_jobs;
  end if;
  grant execute
     on function public.run_job(text, text), public.run_job_step(text, text, bigint), public.lead_schedules()
     to centralcloud_jobs;
  grant execute on procedure public.run_job_in_steps(text, text) to centralcloud_jobs;
  grant select on public.job_times, public.scheduled_jobs_status, public.singularity_source
     to centralcloud_jobs;
end
$$;
-- What an operator needs on a source: to see what a viewer sees, to run a job, to move dead letters and archived messages by
-- functions that count what they move, and to give the source a session key. Keys decide who can read the sessions that are
-- sealed from then on, so whoever is an operator must be trusted with that.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_operator') is null then
    return;
  end if;

  if not pg_catalog.has_schema_privilege('centralcloud_operator', 'public', 'usage') then
    grant usage on schema public to centralcloud_operator;
  end if;
  grant usage on schema pgmq to centralcloud_operator;
  grant select
     on public.singularity_source, public.job_times, public.scheduled_jobs_status, public.job_runs,
        public.scheduled_jobs, public.operator_action_progress
     to centralcloud_operator;
  grant select (key_id, algorithm, public_key, active, created_at, retired_at, binds)
     on public.session_keys
     to centralcloud_operator;
  -- For the doctor: what could not be queued and why, durations that measure nothing, and what was migrated when.
  grant select (synced_at, sync_error) on public.learned_patterns to centralcloud_operator;
  grant select (unsynced, sync_error) on public.agent_sessions to centralcloud_operator;
  grant select (knowledge_unsynced, knowledge_error) on public.agents to centralcloud_operator;
  grant select (id, status, duration_ms, created_at) on public.agent_tasks to centralcloud_operator;
  grant usage on schema centralcloud_migrations to centralcloud_operator;
  grant select
     on centralcloud_migrations.comparisons, centralcloud_migrations.migrations, centralcloud_migrations.objects
     to centralcloud_operator;
  grant execute
     on function public.describe_session_messages(boolean, bigint[]), public.examine_captured_tables(text[], text[]),
                 public.find_session_messages(boolean, text, text, timestamptz, timestamptz, bigint, bigint, integer),
                 public.open_action_part(uuid, text, bigint, text, integer),
                 public.lock_action_part(uuid, text, text),
                 public.save_action_part(uuid, text, text, jsonb, timestamptz, bigint, integer),
                 public.close_action_part(uuid, text, text),
                 public.replay_dead_letters(uuid, text, text, bigint[], boolean[], jsonb),
                 public.discard_dead_letters(uuid, text, text, bigint[]),
                 public.restore_dead_letters(uuid, text, text, bigint[]),
                 public.requeue_archived_messages(uuid, text, text, timestamptz, timestamptz, timestamptz, bigint, integer),
                 public.add_session_key(text, text, bytea, boolean),
                 public.run_job_step_by_hand(text, bigint)
     to centralcloud_operator;
end
$$;
-- What the owner of our objects needs of what belongs to others: a place for the objects, the queues, the
-- functions of extensions that our functions call, and to create in the database, which publishing takes. Each queue is granted by create_queue; the default
-- privileges are for a queue that the migrating role makes anew by pgmq.create.
do $$
declare
  v_statement text;
begin
  if pg_catalog.to_regrole('centralcloud_owner') is null then
    return;
  end if;

  grant usage, create on schema public to centralcloud_owner;
  grant usage on schema pgmq to centralcloud_owner;
  grant select on pgmq.meta to centralcloud_owner;
  alter default privileges in schema pgmq grant select, insert, update, delete on tables to centralcloud_owner;
  -- Written by the trigger of a queue that notifies, with the rights of whoever sends; since pgmq 1.8.
  if pg_catalog.to_regclass('pgmq.notify_insert_throttle') is not null then
    grant select, update on pgmq.notify_insert_throttle to centralcloud_owner;
  end if;

  -- Only who may pass it on is able to; doctor says where it is missing and a capture needs it.
  if pg_catalog.has_database_privilege(current_user, pg_catalog.current_database(), 'create with grant option') then
    execute pg_catalog.format('grant create on database %I to centralcloud_owner', pg_catalog.current_database());
  end if;

  -- Public in most installations, and then there is nothing to do.
  for v_statement in
    select s.statement
      from pg_catalog.pg_depend d
      join pg_catalog.pg_extension e on e.oid = d.refobjid
      join pg_catalog.pg_proc p on p.oid = d.objid
      join pg_catalog.pg_namespace n on n.oid = p.pronamespace
     cross join lateral (
       select pg_catalog.format('grant usage on schema %I to centralcloud_owner', n.nspname) as statement
        where not pg_catalog.has_schema_privilege('centralcloud_owner', n.oid, 'usage')
       union all
       select pg_catalog.format('grant execute on function %s to centralcloud_owner', p.oid::regprocedure)
        where not pg_catalog.has_function_privilege('centralcloud_owner', p.oid, 'execute')
     ) s
     where d.classid = 'pg_catalog.pg_proc'::regclass
       and d.refclassid = 'pg_catalog.pg_extension'::regclass
       and d.deptype = 'e'
       and (e.extname, p.proname) in (
             ('pgcrypto', 'pgp_pub_encrypt_bytea'),
             ('pgcrypto', 'pgp_sym_encrypt_bytea'),
             ('pgcrypto', 'hmac'),
             ('pgcrypto', 'gen_random_bytes'),
             ('pgsodium', 'crypto_box_seal'),
             ('pgx_ulid', 'gen_monotonic_ulid'),
             ('ulid', 'gen_monotonic_ulid')
           )
  loop
    execute v_statement;
  end loop;
exception
  when insufficient_privilege then
    raise warning '% may not grant the role centralcloud_owner what it needs: %', current_user, sqlerrm
      using errcode = '01007'; -- warning_privilege_not_granted
end
$$;
-- What a viewer sees of a source beside its queues, which create_queue grants one by one: which source it is, how its jobs
-- fare, which public keys it has, and how far the actions of operators are. Not what applications wrote, and no state of a
-- session; of keys not what data keys are made of.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_viewer') is null then
    return;
  end if;

  if not pg_catalog.has_schema_privilege('centralcloud_viewer', 'public', 'usage') then
    grant usage on schema public to centralcloud_viewer;
  end if;
  grant usage on schema pgmq to centralcloud_viewer;
  grant select
     on public.singularity_source, public.job_times, public.scheduled_jobs_status, public.job_runs,
        public.scheduled_jobs, public.operator_action_progress
     to centralcloud_viewer;
  grant select (key_id, algorithm, public_key, active, created_at, retired_at, binds)
     on public.session_keys
     to centralcloud_viewer;
  -- For the doctor: what could not be queued and why, durations that measure nothing, and what was migrated when.
  grant select (synced_at, sync_error) on public.learned_patterns to centralcloud_viewer;
  grant select (unsynced, sync_error) on public.agent_sessions to centralcloud_viewer;
  grant select (knowledge_unsynced, knowledge_error) on public.agents to centralcloud_viewer;
  grant select (id, status, duration_ms, created_at) on public.agent_tasks to centralcloud_viewer;
  grant usage on schema centralcloud_migrations to centralcloud_viewer;
  grant select
     on centralcloud_migrations.comparisons, centralcloud_migrations.migrations, centralcloud_migrations.objects
     to centralcloud_viewer;
  grant execute
     on function public.describe_session_messages(boolean, bigint[]), public.examine_captured_tables(text[], text[]),
                 public.find_session_messages(boolean, text, text, timestamptz, timestamptz, bigint, bigint, integer)
     to centralcloud_viewer;
end
$$;
insert into centralcloud_migrations.objects (plane, checksum) values ('singularity', 'ffcb84db44a4a9fceaed2521ac345341cff0efb98b3d824af0b30816d5722047');
commit;
