import { maxBatchBytes } from "@centralcloud/lane";
import type { ConsumerConfiguration } from "./configuration.ts";

/* What the connections to a source ask of its server, and how much and how long they take from it. */

/** Of the sessions at a source. */
export const sessionSettings = {
  // What a crash of the server undoes is done again without harm: a claim is made anew, and what was archived
  // or given up comes back, which the ledger knows.
  synchronous_commit: "off",
  // A queue's statistics are always wrong: it was empty a minute ago, or full. Without this, a read may sort all of it.
  enable_seqscan: "off",
  jit: "off",
};

/** Of the connection that looks at all queues of a source in one statement. */
export const watchSettings = {
  // One queue whose table is locked must not hide the others: when the look fails, each lane reads by itself.
  lock_timeout: "1s",
  // The same for one whose table was replaced by a view that never ends: the server says so before we cut the connection.
  statement_timeout: "4s",
};

/**
 * How long a query may take before it is given up: as long as a lease, but not so short that a merge
 * which keeps its lease by extending it is cut.
 */
export function queryTimeoutMs({ visibilityTimeoutS }: ConsumerConfiguration): number {
  return Math.max(30, visibilityTimeoutS) * 1000;
}

/** Bytes of an answer that may take beside the bodies of messages: what is told of each, and what their driver adds. */
const perMessageBytes = 512;

/**
 * Bytes of one answer to a lane: it asks for as many bodies as fit into a batch, and for one in any case.
 */
export function laneAnswerBytes({
  backlogBatchSize,
  maxMessageBytes,
}: ConsumerConfiguration): number {
  const toldOfAll = backlogBatchSize * perMessageBytes;
  return Math.max(maxBatchBytes, maxMessageBytes) + toldOfAll + watchAnswerBytes;
}

/** Bytes of one answer where no message is read. */
export const watchAnswerBytes = 1024 * 1024;
