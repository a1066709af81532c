ALTER TABLE "central"."consumers" ADD COLUMN "readiness" jsonb;--> statement-breakpoint
ALTER TABLE "central"."consumers" ADD COLUMN "readiness_at" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "change_log_marks_idx" ON "central"."change_log" USING btree ("source_id","committed_at") WHERE "central"."change_log"."table_name" = '*';