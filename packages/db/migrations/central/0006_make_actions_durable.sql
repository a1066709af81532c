CREATE TABLE "central"."operator_action_events" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "central"."operator_action_events_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"action_id" bigint NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"event" text NOT NULL,
	"actor" text NOT NULL,
	"login" text NOT NULL,
	"detail" jsonb NOT NULL
);
--> statement-breakpoint
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
--> statement-breakpoint
ALTER TABLE "central"."operator_actions" ADD COLUMN "action_key" uuid DEFAULT gen_random_uuid() NOT NULL;--> statement-breakpoint
ALTER TABLE "central"."operator_actions" ADD COLUMN "state" text DEFAULT 'planned' NOT NULL;--> statement-breakpoint
ALTER TABLE "central"."operator_actions" ADD COLUMN "login" text;--> statement-breakpoint
ALTER TABLE "central"."operator_actions" ADD COLUMN "os_user" text;--> statement-breakpoint
ALTER TABLE "central"."operator_actions" ADD COLUMN "channel" text;--> statement-breakpoint
ALTER TABLE "central"."operator_actions" ADD COLUMN "expected_count" bigint;--> statement-breakpoint
ALTER TABLE "central"."operator_actions" ADD COLUMN "rate" double precision;--> statement-breakpoint
ALTER TABLE "central"."operator_actions" ADD COLUMN "canary_count" integer;--> statement-breakpoint
ALTER TABLE "central"."operator_actions" ADD COLUMN "canary_state" text;--> statement-breakpoint
ALTER TABLE "central"."operator_actions" ADD COLUMN "idempotency_key" text;--> statement-breakpoint
ALTER TABLE "central"."operator_actions" ADD COLUMN "error" text;--> statement-breakpoint
ALTER TABLE "central"."operator_actions" ADD COLUMN "runner" text;--> statement-breakpoint
ALTER TABLE "central"."operator_actions" ADD COLUMN "lease_until" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "central"."operator_action_events" ADD CONSTRAINT "operator_action_events_action_id_operator_actions_id_fk" FOREIGN KEY ("action_id") REFERENCES "central"."operator_actions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "central"."operator_action_parts" ADD CONSTRAINT "operator_action_parts_action_id_operator_actions_id_fk" FOREIGN KEY ("action_id") REFERENCES "central"."operator_actions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "operator_action_events_action_id_idx" ON "central"."operator_action_events" USING btree ("action_id","id");--> statement-breakpoint
ALTER TABLE "central"."operator_actions" ADD CONSTRAINT "operator_actions_action_key_key" UNIQUE("action_key");--> statement-breakpoint
ALTER TABLE "central"."operator_actions" ADD CONSTRAINT "operator_actions_idempotency_key_key" UNIQUE("idempotency_key");--> statement-breakpoint
ALTER TABLE "central"."operator_actions" ADD CONSTRAINT "state_is_known" CHECK ("central"."operator_actions"."state" in ('planned', 'running', 'paused', 'cancelled', 'done', 'failed'));--> statement-breakpoint
ALTER TABLE "central"."operator_actions" ADD CONSTRAINT "rate_is_positive" CHECK ("central"."operator_actions"."rate" > 0);--> statement-breakpoint
-- Actions of before: what did not come to its end can't be gone on with.
UPDATE "central"."operator_actions"
   SET "state" = CASE WHEN "finished_at" IS NULL THEN 'failed' ELSE 'done' END;
