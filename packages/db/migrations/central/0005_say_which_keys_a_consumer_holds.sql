ALTER TABLE "central"."consumers" ADD COLUMN "held_keys" jsonb;--> statement-breakpoint
-- It has a parameter more; beside the one before, a call would be ambiguous.
DROP FUNCTION IF EXISTS "central"."report_consumer"(uuid, text, text);
