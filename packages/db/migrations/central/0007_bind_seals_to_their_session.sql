ALTER TABLE "central"."consumers" ADD COLUMN "opens_bound_seals" boolean DEFAULT false NOT NULL;--> statement-breakpoint
-- It has a parameter more; beside the one before, a call would be ambiguous.
DROP FUNCTION IF EXISTS "central"."report_consumer"(uuid, text, text, jsonb);
