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
--> statement-breakpoint
CREATE TABLE "central"."archive_watermarks" (
	"source_id" uuid PRIMARY KEY NOT NULL,
	"stored_until" timestamp with time zone NOT NULL,
	"noted_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
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
--> statement-breakpoint
ALTER TABLE "central"."consumers" ADD COLUMN "beat" bigint DEFAULT 0;--> statement-breakpoint
ALTER TABLE "central"."operator_actions" ADD COLUMN "claim_count" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
-- It gives the number of the claim, too.
DROP FUNCTION IF EXISTS "central"."claim_operator_action"(bigint, text, interval);
--> statement-breakpoint
-- It takes messages that the consumer has taken apart, too.
DROP FUNCTION IF EXISTS "central"."merge_patterns"(uuid, text, bigint[], timestamptz[], jsonb);
