import { beforeAll, expect, test } from "vitest";
import { queuesOf } from "../support/consumer.ts";
import { useSystem } from "../support/databases.ts";
import { useMembers } from "../support/logins.ts";
import { patternMessage } from "../support/messages.ts";
import { startService } from "../support/service.ts";
import { until } from "../support/until.ts";

const system = useSystem();
const members = useMembers(system, { consumer: "centralcloud_consumer" });
let source: string;

beforeAll(async () => {
  const { rows } = await system.singularity.pool.query("select source_id from singularity_source");
  source = rows[0].source_id;
});

test("the consumer's role may look at everything but transactions of others", async () => {
  await queuesOf(system).send("centralcloud-new-patterns", patternMessage());
  const service = await startService(members.consumer);
  try {
    const seen = await until("both databases were looked at", async () => {
      const scrape = await service.scrape();
      const found = [source, "central"].map((database) =>
        scrape.value("centralcloud_last_look_timestamp_seconds", { database }),
      );
      return found.every((at) => at !== undefined && at > 0) ? scrape : undefined;
    });
    for (const name of ["queue_messages", "queue_oldest_message_age_seconds", "capture_state"]) {
      expect(seen.value(`centralcloud_${name}`, { source }), name).toBeDefined();
    }
    for (const database of [source, "central"]) {
      expect(seen.value("centralcloud_table_dead_rows", { database })).toBeDefined();
      const snapshot = "centralcloud_database_oldest_snapshot_transactions";
      expect(seen.value(snapshot, { database })).toBeDefined();
      const transaction = "centralcloud_database_oldest_transaction_seconds";
      expect(seen.value(transaction, { database })).toBeUndefined();
    }
    expect(service.observations).not.toContainEqual(
      expect.objectContaining({ event: "look-failed" }),
    );
  } finally {
    await service.stop(2_000);
  }
});
