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
--> statement-breakpoint
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
--> statement-breakpoint
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
--> statement-breakpoint
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
--> statement-breakpoint
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
--> statement-breakpoint
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
--> statement-breakpoint
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
--> statement-breakpoint
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
--> statement-breakpoint
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
--> statement-breakpoint
CREATE TABLE "scheduled_jobs" (
	"job_name" text PRIMARY KEY NOT NULL,
	"schedule" text NOT NULL,
	"function_name" text NOT NULL,
	"description" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "session_keys" (
	"key_id" text PRIMARY KEY NOT NULL,
	"algorithm" text NOT NULL,
	"public_key" "bytea" NOT NULL,
	"active" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"retired_at" timestamp with time zone,
	CONSTRAINT "a_retired_key_is_not_active" CHECK (not "session_keys"."active" or "session_keys"."retired_at" is null)
);
--> statement-breakpoint
CREATE TABLE "singularity_source" (
	"singleton" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"source_id" uuid DEFAULT gen_random_uuid() NOT NULL,
	"name" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "there_is_one_source" CHECK ("singularity_source"."singleton"),
	CONSTRAINT "name_is_not_empty" CHECK ("singularity_source"."name" <> '')
);
--> statement-breakpoint
CREATE INDEX "agent_sessions_agent_id_idx" ON "agent_sessions" USING btree ("agent_id");--> statement-breakpoint
CREATE INDEX "agent_sessions_unsynced_idx" ON "agent_sessions" USING btree ("id") WHERE "agent_sessions"."unsynced";--> statement-breakpoint
CREATE INDEX "agent_tasks_agent_id_created_at_idx" ON "agent_tasks" USING btree ("agent_id","created_at");--> statement-breakpoint
CREATE INDEX "agents_knowledge_unsynced_idx" ON "agents" USING btree ("agent_id") WHERE "agents"."knowledge_unsynced";--> statement-breakpoint
CREATE INDEX "analysis_results_unlearned_idx" ON "analysis_results" USING btree ("created_at","id") WHERE "analysis_results"."learned" is not true and "analysis_results"."learn_error" is null;--> statement-breakpoint
CREATE INDEX "job_runs_job_name_started_at_idx" ON "job_runs" USING btree ("job_name","started_at" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "job_runs_started_at_idx" ON "job_runs" USING btree ("started_at");--> statement-breakpoint
CREATE INDEX "learned_patterns_agent_id_learned_at_idx" ON "learned_patterns" USING btree ("agent_id","learned_at");--> statement-breakpoint
CREATE INDEX "learned_patterns_unsynced_idx" ON "learned_patterns" USING btree ("id") WHERE "learned_patterns"."synced_at" is null;--> statement-breakpoint
CREATE INDEX "learning_sync_log_created_at_idx" ON "learning_sync_log" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "learning_sync_log_queued_idx" ON "learning_sync_log" USING btree ("batch_id") WHERE "learning_sync_log"."status" = 'queued';--> statement-breakpoint
CREATE INDEX "pending_tasks_waiting_idx" ON "pending_tasks" USING btree ("agent_id","priority" DESC NULLS LAST,"created_at","id") WHERE "pending_tasks"."status" = 'pending';--> statement-breakpoint
CREATE INDEX "pending_tasks_assigned_to_idx" ON "pending_tasks" USING btree ("assigned_to") WHERE "pending_tasks"."status" = 'assigned';--> statement-breakpoint
CREATE UNIQUE INDEX "session_keys_one_is_active" ON "session_keys" USING btree ("active") WHERE "session_keys"."active";--> statement-breakpoint
-- The identity of this database. Written here and nowhere else, so that it outlives every change of URL.
INSERT INTO "singularity_source" ("name") VALUES (current_database());
