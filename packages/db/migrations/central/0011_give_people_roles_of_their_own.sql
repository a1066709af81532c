ALTER TABLE "central"."consumers" ADD COLUMN "readiness" jsonb;--> statement-breakpoint
ALTER TABLE "central"."consumers" ADD COLUMN "readiness_at" timestamp with time zone;