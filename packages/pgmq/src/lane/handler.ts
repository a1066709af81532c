import type { ClaimedMessage, MessageIdentity, Refusal } from "../client/message.ts";

/** What a contract says of one message. */
export type Verdict =
  | { readonly accepted: true; readonly document: string }
  | { readonly accepted: false; readonly refusal: Refusal };

/** A message that may be merged, with the JSON text of its document. */
export interface AcceptedMessage extends ClaimedMessage {
  readonly document: string;
}

export interface MergeResult {
  /** Messages whose effect this merge made. */
  readonly merged: number;
  /** Messages whose effect was there already. */
  readonly duplicates: number;
}

/** What a lane does with messages; the only part that knows what they mean. */
export interface LaneHandler {
  /**
   * Called with the message's JSON text, or null where the message is SQL null. Throws only where it
   * could not be made: the message comes again later, and at last meets the delivery limit.
   */
  check(body: string | null): Verdict | Promise<Verdict>;
  /**
   * Makes the effect of all messages, exactly once each, in one transaction: either of all or of none.
   * Called with none to find out whether the store works again after a fault.
   * Called again with parts of the batch when it rejects with an error that is a message's own fault.
   */
  merge(
    messages: readonly (MessageIdentity & { readonly document: string })[],
  ): Promise<MergeResult>;
}
