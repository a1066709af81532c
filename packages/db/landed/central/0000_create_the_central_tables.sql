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
-- Folds a batch of knowledge summaries into the central store: one call, one transaction.
--
-- p_messages is a JSON array of the messages as they were sent; its n-th element has the n-th id and time.
--
-- A summary is identified by its source and time; what each agent knows is the part of its latest
-- summary. Where two claim the same time, the greater values win, so that every order gives the same rows.
-- With its owner's rights: the consumer may not write to the tables itself.
-- Locks: processed_messages by message, then knowledge_summaries by time, then agent_knowledge by agent.
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
    select e.agent ->> 'agent_id' as agent_id,
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
-- Exactly once: a message counts only if its ledger row is new, and both are committed together.
-- Any order: sums, counts, least and greatest are commutative and associative; trim_scale makes equal
-- confidences the same numeric.
-- With its owner's rights: the consumer may not write to the tables itself.
-- Locks, in this order, each in the order of its key, so that two batches never deadlock:
--   processed_messages, pattern_agents, pattern_sources, patterns.
-- Each step reads only what the one before it returned, so no step starts before its turn.
-- No nested loops: a plan made for any number of messages would choose them, and take the square of it.
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
  observation as materialized (
    select pg_catalog.sha256(pg_catalog.convert_to((m.body -> 'pattern')::text, 'UTF8')) as fingerprint,
           m.body -> 'pattern' as pattern,
           m.body ->> 'agent_id' as agent_id,
           pg_catalog.trim_scale(coalesce((m.body ->> 'confidence')::numeric, 0.5)) as confidence,
           (m.body ->> 'learned_at')::timestamptz as learned_at
      from fresh f
      join message m using (msg_id, enqueued_at)
  ),
  agent as (
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
  -- Counts are positive, so a row holds exactly this batch's count only if this batch made it.
  new_agent as (
    select m.fingerprint, count(*) as agent_count
      from merged_agent m
      join agent g using (fingerprint, agent_id, observation_count)
     group by m.fingerprint
  ),
  new_source as (
    insert into central.pattern_sources (fingerprint, source_id)
    select n.fingerprint, p_source_id
      from new_agent n
     order by n.fingerprint
    on conflict do nothing
    returning fingerprint
  ),
  merged_pattern as (
    insert into central.patterns as p
      (fingerprint, pattern, observation_count, agent_count, source_count,
       confidence_max, confidence_sum, first_learned_at, last_learned_at)
    select o.fingerprint, o.pattern, o.observation_count,
           coalesce(n.agent_count, 0), (s.fingerprint is not null)::integer,
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
      left join new_agent n using (fingerprint)
      left join new_source s using (fingerprint)
     order by o.fingerprint
    on conflict (fingerprint) do update
      set observation_count = p.observation_count + excluded.observation_count,
          agent_count = p.agent_count + excluded.agent_count,
          source_count = p.source_count + excluded.source_count,
          confidence_max = greatest(p.confidence_max, excluded.confidence_max),
          confidence_sum = p.confidence_sum + excluded.confidence_sum,
          first_learned_at = least(p.first_learned_at, excluded.first_learned_at),
          last_learned_at = greatest(p.last_learned_at, excluded.last_learned_at)
  )
  select count(*)::integer,
         coalesce(pg_catalog.cardinality(p_msg_ids), 0) - count(*)::integer
    from fresh;
end
$$;
revoke execute on function central.merge_patterns(uuid, text, bigint[], timestamptz[], jsonb) from public;
-- Folds a batch of session messages into the central store: one call, one transaction.
--
-- p_messages is a JSON array of the messages as they were sent; its n-th element has the n-th id and time.
--
-- Last writer wins, on the version that the source assigned: synced_at, then ulid. Two messages that
-- claim the same version are decided by a hash of their content, so that every order gives the same row.
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
           m.body ->> 'session_id' as session_id,
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
    select p_source_id, n.session_id, n.body ->> 'agent_id',
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
-- Who captures changes enters them, and never changes an entry.
do $$
begin
  if pg_catalog.to_regrole('centralcloud_auditor') is null then
    return;
  end if;

  grant usage on schema central to centralcloud_auditor;
  grant select on central.sources to centralcloud_auditor;
  grant select, insert on central.change_log to centralcloud_auditor;
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
                 central.merge_knowledge(uuid, text, bigint[], timestamptz[], jsonb)
     to centralcloud_consumer;
  grant select
     on central.sources, central.lanes, central.processed_messages, central.patterns, central.pattern_sources,
        central.pattern_agents, central.agent_sessions, central.agent_knowledge, central.knowledge_summaries,
        central.consensus_patterns
     to centralcloud_consumer;
end
$$;
insert into centralcloud_migrations.objects (plane, checksum) values ('central', '3f245c821a960867c1e93dccea20cd25312aa9457b3321472c3e10478ac997f5');
commit;
