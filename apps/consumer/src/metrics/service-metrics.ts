import { faultKindsOf } from "@centralcloud/postgres";
import { Counter, type Registry } from "prom-client";
import type { ConsumerObservation } from "../observation.ts";

/** What happens to a replica and to its databases, beside the lanes. */
export function createServiceMetrics(registry: Registry) {
  const registers = [registry];
  const faults = new Counter({
    name: "centralcloud_database_faults_total",
    help: "Times that a database did not work: a source, or central; by kind",
    labelNames: ["database", "kind"],
    registers,
  });
  const listeners = new Counter({
    name: "centralcloud_listener_losses_total",
    help: "Times that the connection was lost which wakes idle lanes",
    labelNames: ["source"],
    registers,
  });
  const pruned = new Counter({
    name: "centralcloud_ledger_pruned_rows_total",
    help: "Rows of the ledger that were forgotten",
    labelNames: ["source", "queue"],
    registers,
  });
  const upkeep = new Counter({
    name: "centralcloud_upkeep_faults_total",
    help: "Runs of recurring work that failed, by what it does",
    labelNames: ["task"],
    registers,
  });
  return {
    /** Lets counters begin at 0, so that their first increase is seen as one; `queues` are those of a source. */
    announce(database: string, queues: readonly string[], withKinds: boolean): void {
      for (const task of ["heartbeat", "ledger"]) upkeep.inc({ task }, 0);
      if (database !== "central") listeners.inc({ source: database }, 0);
      for (const queue of queues) pruned.inc({ source: database, queue }, 0);
      if (!withKinds) return;
      for (const kind of faultKindsOf("database")) faults.inc({ database, kind }, 0);
    },
    observe(observation: ConsumerObservation): void {
      switch (observation.event) {
        case "database-fault": {
          const { database, sourceId, kind } = observation;
          faults.inc({ database: sourceId ?? database, kind });
          break;
        }
        case "listener-lost":
          listeners.inc({ source: observation.sourceId ?? observation.source });
          break;
        case "ledger-pruned": {
          const { sourceId: source, queue, count } = observation;
          pruned.inc({ source, queue }, count);
          break;
        }
        case "upkeep-fault":
          // `ledger of NAME`: whose it was is in the log.
          upkeep.inc({ task: observation.task.split(" ")[0] ?? "" });
          break;
        default:
      }
    },
  };
}

/** What this replica captures. The state of the slots is seen at the sources: also where nobody reads them. */
export function createCaptureMetrics(registry: Registry) {
  const registers = [registry];
  const transactions = new Counter({
    name: "centralcloud_capture_transactions_total",
    help: "Transactions of the source that this replica entered into the change log",
    labelNames: ["source"],
    registers,
  });
  const changes = new Counter({
    name: "centralcloud_capture_changes_total",
    help: "Changes that this replica entered into the change log",
    labelNames: ["source"],
    registers,
  });
  const faults = new Counter({
    name: "centralcloud_capture_faults_total",
    help: "Times that this replica's capture failed and began again, by side",
    labelNames: ["source", "side"],
    registers,
  });
  return {
    /** The same for a source whose changes are captured. */
    announce(source: string): void {
      for (const counter of [transactions, changes]) counter.inc({ source }, 0);
      for (const side of ["source", "central"]) faults.inc({ source, side }, 0);
    },
    observe(observation: ConsumerObservation): void {
      switch (observation.event) {
        case "changes-recorded": {
          const source = observation.sourceId ?? observation.source;
          transactions.inc({ source }, observation.transactions);
          changes.inc({ source }, observation.changes);
          break;
        }
        case "capture-fault": {
          const source = observation.sourceId ?? observation.source;
          faults.inc({ source, side: observation.side });
          break;
        }
        default:
      }
    },
  };
}
