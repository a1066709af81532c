ALTER TABLE "central"."operator_actions" ADD COLUMN "claim_count" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
-- It gives the number of the claim, too.
DROP FUNCTION IF EXISTS "central"."claim_operator_action"(bigint, text, interval);--> statement-breakpoint
-- It takes messages that the consumer has taken apart, too.
DROP FUNCTION IF EXISTS "central"."merge_patterns"(uuid, text, bigint[], timestamptz[], jsonb);
