ALTER TABLE "central"."capture_cursors" ADD COLUMN "publication_id" bigint;--> statement-breakpoint
ALTER TABLE "central"."capture_cursors" ADD COLUMN "lost_reason" text;--> statement-breakpoint
-- Each has a parameter more; beside the one before, a call would be ambiguous.
DROP FUNCTION IF EXISTS "central"."begin_capture"(uuid, text, text, text, text, integer, bigint, timestamptz, text, text);--> statement-breakpoint
DROP FUNCTION IF EXISTS "central"."advance_capture_cursor"(uuid, bigint, timestamptz, integer, text);
