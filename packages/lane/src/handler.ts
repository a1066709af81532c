import type {
  ClaimedMessage,
  DeliveryAttempt,
  MessageIdentity,
  Refusal,
} from "@centralcloud/queue";

/** The result of checking one message against its contract. */
export type CheckResult =
  | { readonly accepted: true; readonly document: string }
  | { readonly accepted: false; readonly refusal: Refusal };

/** A message that may be merged, with the JSON text of its document. */
export interface AcceptedMessage extends MessageIdentity {
  readonly document: string;
  readonly message: ClaimedMessage;
}

export interface MergeResult {
  /** Messages whose effect this merge made. */
  readonly merged: number;
  /** Messages whose effect was in the store already. */
  readonly duplicates: number;
}

/** What the store knows of a message that was delivered before. */
export interface DeliveryRecord {
  /** Its effect is in the store. */
  readonly merged: boolean;
  /** Its failed attempts so far, oldest first. */
  readonly attempts: readonly DeliveryAttempt[];
}

export interface FailedAttempt {
  readonly message: MessageIdentity;
  readonly code: string;
  readonly error: string;
}

/** Where a lane's messages are merged. It also keeps the failed attempts, which must outlive the process. */
export interface LaneStore {
  /**
   * Makes the effect of all messages, exactly once each, in one transaction: of all or of none. Called again with parts
   * of the batch when it rejects with an error that a message caused, and with no messages to find out whether the
   * store works again.
   *
   * @param beforeSend called at the last moment before the store is asked; throws when it must not be asked.
   */
  merge(
    messages: readonly (MessageIdentity & { readonly document: string })[],
    beforeSend: () => void,
  ): Promise<MergeResult>;
  /** One record for each message, in their order. */
  lookUp(messages: readonly ClaimedMessage[]): Promise<readonly DeliveryRecord[]>;
  /** Records one failed attempt each, and returns all attempts of each so far, in their order. */
  recordFailures(
    failures: readonly FailedAttempt[],
  ): Promise<readonly (readonly DeliveryAttempt[])[]>;
  /** The messages are settled: their failed attempts need not be kept. */
  forgetFailures(messages: readonly MessageIdentity[]): Promise<void>;
}

/** What a lane does with messages; the only part that knows what they mean. */
export interface LaneHandler {
  /**
   * Called with the message's JSON text, or null where the message is SQL null. Throws only where the check could not
   * be made: that counts as a failed attempt.
   */
  check(body: string | null): CheckResult | Promise<CheckResult>;
  /**
   * Whether checking may take longer than merging. Then each further replica helps, until its first batch has shown
   * otherwise; default false.
   */
  readonly isDemanding?: boolean;
  readonly store: LaneStore;
}
