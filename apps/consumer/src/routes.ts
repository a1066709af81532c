import { forgetFailures, lookUpDeliveries, mergeBy, recordFailures } from "@centralcloud/central";
import {
  contractFor,
  type Issue,
  type QueueName,
  queueNames,
  type SessionMessage,
} from "@centralcloud/contracts";
import type { CheckResult, LaneHandler, LaneStore } from "@centralcloud/lane";
import type { Refusal } from "@centralcloud/queue";
import type { Pool } from "pg";
import type { SessionGate } from "./session-gate.ts";

/** Every queue that has a contract is consumed; the contract names its merge. */
export const routes = queueNames;

/** What a lane of this queue does: checks each message against its contract, and merges it into the central store. */
export function handlerFor(
  queue: QueueName,
  store: LaneStore,
  sessionGate: SessionGate,
  sourceId: string,
): LaneHandler {
  const contract = contractFor(queue);
  return {
    check(body): CheckResult | Promise<CheckResult> {
      const checked = contract.check(body);
      if (!checked.ok) return { accepted: false, refusal: invalid(checked.issues) };
      const { document, value } = checked;
      const accepted: CheckResult = { accepted: true, document };
      return queue === "agent-sessions"
        ? sessionGate(value as SessionMessage, accepted, sourceId)
        : accepted;
    },
    // Sealed sessions are opened.
    isDemanding: queue === "agent-sessions",
    store,
  };
}

export interface StoreOptions {
  readonly sourceId: string;
  /** The replica that fails, where an attempt fails. */
  readonly replicaId: string;
  /** Whether statements are prepared once a connection. */
  readonly prepare: boolean;
}

/** The central store as a lane of one source and queue sees it. */
export function storeFor(
  queue: QueueName,
  central: Pool,
  { sourceId, replicaId, prepare }: StoreOptions,
): LaneStore {
  const origin = { sourceId, queue };
  const merge = mergeBy(contractFor(queue).merge);
  return {
    merge: (messages, beforeSend) =>
      merge(central, { ...origin, messages }, { beforeSend, prepare }),
    lookUp: (messages) => lookUpDeliveries(central, origin, messages),
    recordFailures: (failures) => recordFailures(central, origin, replicaId, failures),
    forgetFailures: (messages) => forgetFailures(central, origin, messages),
  };
}

function invalid(issues: readonly Issue[]): Refusal {
  const [first] = issues;
  const message =
    issues.length > 1 ? `${first?.message} (and ${issues.length - 1} more)` : `${first?.message}`;
  return { reason: "invalid", error: { code: first?.code ?? "invalid", message, issues } };
}
