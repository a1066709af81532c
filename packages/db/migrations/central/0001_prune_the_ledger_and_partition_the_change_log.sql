CREATE TABLE "central"."pruned_ranges" (
	"lane_id" integer NOT NULL,
	"first_msg_id" bigint NOT NULL,
	"last_msg_id" bigint NOT NULL,
	"first_enqueued_at" timestamp with time zone NOT NULL,
	"last_enqueued_at" timestamp with time zone NOT NULL,
	CONSTRAINT "pruned_ranges_lane_id_first_msg_id_first_enqueued_at_pk" PRIMARY KEY("lane_id","first_msg_id","first_enqueued_at"),
	CONSTRAINT "first_comes_before_last" CHECK ("central"."pruned_ranges"."first_msg_id" <= "central"."pruned_ranges"."last_msg_id" and "central"."pruned_ranges"."first_enqueued_at" <= "central"."pruned_ranges"."last_enqueued_at")
);
--> statement-breakpoint
CREATE TABLE "central"."capture_cursors" (
	"source_id" uuid PRIMARY KEY NOT NULL,
	"slot_name" text NOT NULL,
	"plugin" text NOT NULL,
	"system_id" text NOT NULL,
	"timeline" integer NOT NULL,
	"lsn" bigint NOT NULL,
	"source_time" timestamp with time zone NOT NULL,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"reader" text NOT NULL
);
--> statement-breakpoint
-- A plain table can't become a partitioned one. What it holds goes into a partition for each day.
ALTER TABLE "central"."change_log" RENAME TO "change_log_unpartitioned";--> statement-breakpoint
CREATE TABLE "central"."change_log" (
	"source_id" uuid NOT NULL,
	"lsn" bigint NOT NULL,
	"ordinal" integer NOT NULL,
	"xid" bigint,
	"committed_at" timestamp with time zone NOT NULL,
	"table_name" text NOT NULL,
	"operation" text NOT NULL,
	"key" jsonb,
	"old_values" jsonb,
	"new_values" jsonb,
	"unchanged" text[],
	"agent_id" text,
	CONSTRAINT "change_log_source_id_lsn_ordinal_committed_at_pk" PRIMARY KEY("source_id","lsn","ordinal","committed_at"),
	CONSTRAINT "operation_is_known" CHECK ("operation" in ('insert', 'update', 'delete', 'truncate', 'snapshot', 'begin', 'gap', 'end'))
) PARTITION BY RANGE ("committed_at");--> statement-breakpoint
DO $$
DECLARE
	v_day date;
BEGIN
	FOR v_day IN SELECT DISTINCT (committed_at AT TIME ZONE 'UTC')::date FROM central.change_log_unpartitioned LOOP
		EXECUTE format(
			'CREATE TABLE central.%I PARTITION OF central.change_log FOR VALUES FROM (%L) TO (%L)',
			'change_log_' || to_char(v_day, 'YYYYMMDD'),
			to_char(v_day, 'YYYY-MM-DD') || ' 00:00:00+00',
			to_char(v_day + 1, 'YYYY-MM-DD') || ' 00:00:00+00'
		);
	END LOOP;
END
$$;--> statement-breakpoint
INSERT INTO central.change_log (source_id, lsn, ordinal, xid, committed_at, table_name, operation, key, old_values, new_values, agent_id)
SELECT source_id, lsn, ordinal, xid, committed_at, table_name, operation, key, old_values, new_values,
       coalesce(new_values ->> 'agent_id', old_values ->> 'agent_id', key ->> 'agent_id')
  FROM central.change_log_unpartitioned;--> statement-breakpoint
DROP TABLE "central"."change_log_unpartitioned";--> statement-breakpoint
CREATE INDEX "change_log_agent_id_idx" ON "central"."change_log" USING btree ("agent_id","committed_at") WHERE "central"."change_log"."agent_id" is not null;--> statement-breakpoint
CREATE INDEX "change_log_key_idx" ON "central"."change_log" USING hash ("key");--> statement-breakpoint
CREATE INDEX "change_log_committed_at_idx" ON "central"."change_log" USING btree ("committed_at");
