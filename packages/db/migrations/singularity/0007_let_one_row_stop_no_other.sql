drop materialized view if exists public.agent_performance_5min;--> statement-breakpoint
DROP FUNCTION IF EXISTS public.queue_unsynced_patterns(integer);--> statement-breakpoint
DROP FUNCTION IF EXISTS public.queue_unsynced_sessions(integer);--> statement-breakpoint
DROP INDEX IF EXISTS "agent_sessions_unsynced_idx";--> statement-breakpoint
DROP INDEX IF EXISTS "learned_patterns_unsynced_idx";--> statement-breakpoint
ALTER TABLE "agent_sessions" ADD COLUMN "sync_failed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "agents" ADD COLUMN "knowledge_error" text;--> statement-breakpoint
ALTER TABLE "agents" ADD COLUMN "knowledge_synced_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "learned_patterns" ADD COLUMN "sync_failed_at" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "agent_sessions_sync_next_idx" ON "agent_sessions" USING btree ("sync_failed_at" NULLS FIRST,"id") WHERE "agent_sessions"."unsynced";--> statement-breakpoint
CREATE INDEX "learned_patterns_sync_next_idx" ON "learned_patterns" USING btree ("sync_failed_at" NULLS FIRST,"id") WHERE "learned_patterns"."synced_at" is null;--> statement-breakpoint
UPDATE "agents" SET "pattern_count" = 0 WHERE "pattern_count" < 0;--> statement-breakpoint
ALTER TABLE "agents" ADD CONSTRAINT "pattern_count_is_not_negative" CHECK ("agents"."pattern_count" >= 0);