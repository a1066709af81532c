/**
 * Wakes idle lanes of one source. A lane that finds nothing asks to be told of the next message; until
 * it is, it need not poll often. Notifications may be lost (and are not sent while somebody is busy),
 * so a lane polls all the same, only seldom.
 */
export interface IdleWatch {
  /**
   * Asks that senders notify this queue's idle lanes from now on.
   *
   * @returns `begun` when this call made them notify: what was sent before is not told, so look once
   *   more; `watching` when somebody, here or elsewhere, had asked already; `senders-busy` when a
   *   sender's transaction is under way, so that it must be asked again soon; `unavailable`.
   */
  watch(queue: string): Promise<"begun" | "watching" | "senders-busy" | "unavailable">;
  /** Work has come: senders need not notify. */
  unwatch(queue: string): void;
  /** Called on each notification for the queue; returns how to end that. */
  onMessage(queue: string, wake: () => void): () => void;
}
