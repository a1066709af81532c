/**
 * Watches the queues of one source for lanes that have nothing to do, so that they need not look themselves: hundreds of
 * quiet sources then cost a statement every few seconds each, and one connection.
 */
export interface IdleWatch {
  /**
   * Lets the queue's lane sleep: it is woken by {@link onMessage} as soon as there may be something to read.
   *
   * @returns `message` where one is visible now, so that there is nothing to sleep for.
   * @throws what the source says when it can't be asked.
   */
  sleep(queue: string): Promise<"asleep" | "message">;
  /** Work has come: senders need not notify. */
  unwatch(queue: string): void;
  /** Called when there may be something to read; returns how to end that. */
  onMessage(queue: string, wake: () => void): () => void;
}
