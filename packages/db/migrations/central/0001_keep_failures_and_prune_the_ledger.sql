ALTER TABLE "central"."lanes" ADD COLUMN "pruned_msg_id" bigint;--> statement-breakpoint
ALTER TABLE "central"."lanes" ADD COLUMN "pruned_enqueued_at" timestamp with time zone;