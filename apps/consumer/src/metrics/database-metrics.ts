import type { OldestSnapshot, TableStatistics } from "@centralcloud/postgres";
import type { Registry } from "prom-client";
import { createGauge } from "./gauges.ts";
import type { SeenDatabases } from "./seen-databases.ts";

/** What was seen at the databases when they were last looked at; of one that was never seen, nothing. */
export function createDatabaseMetrics(registry: Registry, databases: SeenDatabases) {
  const lastSeen = createGauge(
    registry,
    "centralcloud_last_look_timestamp_seconds",
    "When a database was last looked at with success; what is said of it is as old. 0: never",
    "database",
    "place",
    "what",
  );
  const age = createGauge(
    registry,
    "centralcloud_snapshot_age_seconds",
    "How long ago the longest ago of the last looks at databases was, of those that work",
  );
  const info = createGauge(
    registry,
    "centralcloud_source_info",
    "1; names the source whose id the label source has everywhere",
    "source",
    "name",
  );
  const messages = createGauge(
    registry,
    "centralcloud_queue_messages",
    "Messages in a queue, visible or not; counted up to 1000, beyond it the server's estimate",
    "source",
    "queue",
  );
  const estimated = createGauge(
    registry,
    "centralcloud_queue_messages_estimated",
    "Whether centralcloud_queue_messages is an estimate",
    "source",
    "queue",
  );
  const oldest = createGauge(
    registry,
    "centralcloud_queue_oldest_message_age_seconds",
    "Age of the message with the lowest id; 0 where the queue is empty",
    "source",
    "queue",
  );
  const replicas = createGauge(
    registry,
    "centralcloud_replicas",
    "Consumers that have said within a minute that they live",
  );
  const lost = createGauge(
    registry,
    "centralcloud_replicas_lost",
    "Consumers that were heard within the hour, not within a minute, and did not say that they stop",
  );
  const dead = createGauge(
    registry,
    "centralcloud_table_dead_rows",
    "Rows that are gone and that vacuum has yet to remove; the server's estimate",
    "database",
    "table",
  );
  const live = createGauge(
    registry,
    "centralcloud_table_live_rows",
    "Rows of a table; the server's estimate",
    "database",
    "table",
  );
  const snapshot = createGauge(
    registry,
    "centralcloud_database_oldest_snapshot_transactions",
    "Transactions begun since the oldest snapshot, which keeps dead rows from vacuum",
    "database",
  );
  const transaction = createGauge(
    registry,
    "centralcloud_database_oldest_transaction_seconds",
    "How long the oldest transaction is open; missing where the role is not in pg_read_all_stats",
    "database",
  );
  const all = [lastSeen, info, messages, estimated, oldest, replicas, lost, dead, live, snapshot];

  function setHealth(database: string, tables: readonly TableStatistics[], held: OldestSnapshot) {
    for (const { table, liveRows, deadRows } of tables) {
      live.set({ database, table }, liveRows);
      dead.set({ database, table }, deadRows);
    }
    snapshot.set({ database }, held.transactions);
    if (held.seconds !== null) transaction.set({ database }, held.seconds);
  }

  return {
    update(): void {
      const { central, sources, captures } = databases;
      for (const gauge of [...all, transaction]) gauge.reset();
      lastSeen.set({ database: "central", place: central.place, what: "central" }, central.seenAt);
      for (const { place, what, seen, seenAt } of [...sources, ...captures]) {
        lastSeen.set({ database: seen?.sourceId ?? place, place, what }, seenAt);
      }
      const seenAt = [central, ...sources, ...captures]
        .filter((look) => look.seenAt > 0 && !look.isFailing)
        .map((look) => look.seenAt);
      if (seenAt.length > 0) age.set(Math.max(0, Date.now() / 1000 - Math.min(...seenAt)));
      if (central.seen !== undefined) {
        setHealth("central", central.seen.tables, central.seen.oldestSnapshot);
        replicas.set(central.seen.replicas.live);
        lost.set(central.seen.replicas.lost);
      } else for (const gauge of [replicas, lost]) gauge.remove();
      for (const { seen } of sources) {
        if (seen === undefined) continue;
        const { sourceId: source, name, queues, tables, oldestSnapshot } = seen;
        info.set({ source, name }, 1);
        for (const { queue, ...depth } of queues) {
          messages.set({ source, queue }, depth.messages);
          estimated.set({ source, queue }, depth.isEstimate ? 1 : 0);
          oldest.set({ source, queue }, depth.oldestAgeSeconds ?? 0);
        }
        setHealth(source, tables, oldestSnapshot);
      }
    },
  };
}
