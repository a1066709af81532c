ALTER TABLE "session_keys" ADD COLUMN "binds" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "session_keys" ADD COLUMN "data_key_secret" text DEFAULT encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex') NOT NULL;--> statement-breakpoint
-- Consumers of an older version may be at work, which can't open seals that name their session.
UPDATE "session_keys" SET "binds" = false;--> statement-breakpoint
DROP FUNCTION IF EXISTS public.seal_session_state(jsonb);
--> statement-breakpoint
DROP FUNCTION IF EXISTS public.queue_agent_session(uuid);
--> statement-breakpoint
DROP FUNCTION IF EXISTS public.count_that_fit(regclass, text, bigint[]);
