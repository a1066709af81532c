ALTER TABLE "scheduled_jobs" ADD COLUMN "step_function_name" text;--> statement-breakpoint
ALTER TABLE "scheduled_jobs" ADD COLUMN "longest_run" interval;