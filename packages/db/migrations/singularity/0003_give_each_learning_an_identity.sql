ALTER TABLE "learned_patterns" DROP CONSTRAINT IF EXISTS "learned_patterns_analysis_id_key";--> statement-breakpoint
ALTER TABLE "agent_tasks_archive" DROP CONSTRAINT IF EXISTS "agent_tasks_archive_id_created_at_pk";--> statement-breakpoint
ALTER TABLE "agent_tasks_archive" ADD CONSTRAINT "agent_tasks_archive_id_created_at_archived_at_pk" PRIMARY KEY("id","created_at","archived_at");--> statement-breakpoint
ALTER TABLE "analysis_results" ADD COLUMN "learning_id" uuid;--> statement-breakpoint
ALTER TABLE "learned_patterns" ADD COLUMN "learning_id" uuid;--> statement-breakpoint
CREATE INDEX "learned_patterns_analysis_id_idx" ON "learned_patterns" USING btree ("analysis_id");