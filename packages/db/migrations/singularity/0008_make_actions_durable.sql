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
