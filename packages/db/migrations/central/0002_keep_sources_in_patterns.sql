-- What merges take first, so that none is in the middle of its tables.
LOCK TABLE "central"."processed_messages", "central"."pattern_agents", "central"."pattern_sources", "central"."patterns" IN ACCESS EXCLUSIVE MODE;--> statement-breakpoint
ALTER TABLE "central"."patterns" ADD COLUMN "source_ids" uuid[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
UPDATE "central"."patterns" p SET source_ids = s.ids, source_count = cardinality(s.ids)
  FROM (
    SELECT k.fingerprint, coalesce(array_agg(o.source_id ORDER BY o.source_id) FILTER (WHERE o.source_id IS NOT NULL), '{}') AS ids
      FROM "central"."patterns" k LEFT JOIN "central"."pattern_sources" o USING (fingerprint)
     GROUP BY k.fingerprint
  ) s
 WHERE s.fingerprint = p.fingerprint;--> statement-breakpoint
DROP TABLE "central"."pattern_sources";--> statement-breakpoint
ALTER TABLE "central"."patterns" ADD CONSTRAINT "sources_are_counted" CHECK ("central"."patterns"."source_count" = cardinality("central"."patterns"."source_ids"));
