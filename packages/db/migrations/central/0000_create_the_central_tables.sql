CREATE SCHEMA IF NOT EXISTS "central";
--> statement-breakpoint
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
--> statement-breakpoint
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
--> statement-breakpoint
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
--> statement-breakpoint
CREATE TABLE "central"."consumers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"version" text NOT NULL,
	"host" text NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_seen_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
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
--> statement-breakpoint
CREATE TABLE "central"."knowledge_summaries" (
	"source_id" uuid NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"agents_updated" bigint NOT NULL,
	"total_patterns" bigint NOT NULL,
	CONSTRAINT "knowledge_summaries_source_id_updated_at_pk" PRIMARY KEY("source_id","updated_at"),
	CONSTRAINT "counts_are_not_negative" CHECK ("central"."knowledge_summaries"."agents_updated" >= 0 and "central"."knowledge_summaries"."total_patterns" >= 0)
);
--> statement-breakpoint
CREATE TABLE "central"."lanes" (
	"lane_id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "central"."lanes_lane_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"source_id" uuid NOT NULL,
	"queue" text NOT NULL,
	CONSTRAINT "lanes_source_id_queue_key" UNIQUE("source_id","queue")
);
--> statement-breakpoint
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
--> statement-breakpoint
CREATE TABLE "central"."pattern_agents" (
	"fingerprint" "bytea" NOT NULL,
	"source_id" uuid NOT NULL,
	"agent_id" text NOT NULL,
	"observation_count" bigint NOT NULL,
	"last_learned_at" timestamp with time zone NOT NULL,
	CONSTRAINT "pattern_agents_fingerprint_source_id_agent_id_pk" PRIMARY KEY("fingerprint","source_id","agent_id"),
	CONSTRAINT "a_pattern_was_observed" CHECK ("central"."pattern_agents"."observation_count" > 0)
);
--> statement-breakpoint
CREATE TABLE "central"."pattern_sources" (
	"fingerprint" "bytea" NOT NULL,
	"source_id" uuid NOT NULL,
	CONSTRAINT "pattern_sources_fingerprint_source_id_pk" PRIMARY KEY("fingerprint","source_id")
);
--> statement-breakpoint
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
--> statement-breakpoint
CREATE TABLE "central"."processed_messages" (
	"lane_id" integer NOT NULL,
	"msg_id" bigint NOT NULL,
	"enqueued_at" timestamp with time zone NOT NULL,
	"processed_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "processed_messages_lane_id_msg_id_enqueued_at_pk" PRIMARY KEY("lane_id","msg_id","enqueued_at")
);
--> statement-breakpoint
CREATE TABLE "central"."sources" (
	"source_id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"first_seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_seen_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "central"."delivery_failures" ADD CONSTRAINT "delivery_failures_lane_id_lanes_lane_id_fk" FOREIGN KEY ("lane_id") REFERENCES "central"."lanes"("lane_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "central"."lanes" ADD CONSTRAINT "lanes_source_id_sources_source_id_fk" FOREIGN KEY ("source_id") REFERENCES "central"."sources"("source_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "agent_sessions_agent_id_idx" ON "central"."agent_sessions" USING btree ("agent_id");--> statement-breakpoint
CREATE INDEX "delivery_failures_message_idx" ON "central"."delivery_failures" USING btree ("lane_id","msg_id","enqueued_at","failed_at");--> statement-breakpoint
CREATE INDEX "patterns_consensus_idx" ON "central"."patterns" USING btree ("fingerprint") WHERE "central"."patterns"."source_count" >= 3;