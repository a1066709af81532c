ALTER TABLE "central"."consumers" ADD COLUMN "sources" jsonb;--> statement-breakpoint
ALTER TABLE "central"."sources" ADD COLUMN "system_id" text;--> statement-breakpoint
ALTER TABLE "central"."sources" ADD COLUMN "database_oid" bigint;--> statement-breakpoint
ALTER TABLE "central"."sources" ADD COLUMN "timeline" integer;--> statement-breakpoint
ALTER TABLE "central"."sources" ADD COLUMN "server_started_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "central"."sources" ADD COLUMN "addresses" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "central"."sources" ADD COLUMN "decision" text;--> statement-breakpoint
ALTER TABLE "central"."sources" ADD COLUMN "decided_by" text;--> statement-breakpoint
ALTER TABLE "central"."sources" ADD COLUMN "decided_at" timestamp with time zone;