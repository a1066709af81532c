import type { Refusal } from "../client/message.ts";
import { classifyFault, type Fault } from "../fault.ts";
import type { AcceptedMessage, LaneHandler, MergeResult } from "./handler.ts";

export interface HalvedMerge extends MergeResult {
  /** In the central store now, by this merge or an earlier one. */
  readonly settled: readonly AcceptedMessage[];
  /** Refused by the database, each alone. */
  readonly refused: readonly { readonly message: AcceptedMessage; readonly refusal: Refusal }[];
  /** Failed alone, with an error that does not tell whose fault it is. */
  readonly undecided: readonly { readonly message: AcceptedMessage; readonly fault: Fault }[];
}

/**
 * Merges a batch. When the database refuses it because of a message, the batch is halved until that
 * message stands alone, which costs about log₂ of its size in merges; its neighbours are merged.
 *
 * @param beforeMerge called before each merge; throws when there may be none any more.
 * @throws the error of a fault that is nobody's; what had been merged until then comes back as
 *   duplicates when it is delivered again.
 */
export async function mergeInHalves(
  messages: readonly AcceptedMessage[],
  handler: LaneHandler,
  beforeMerge: () => void,
): Promise<HalvedMerge> {
  const settled: AcceptedMessage[] = [];
  const refused: { message: AcceptedMessage; refusal: Refusal }[] = [];
  const undecided: { message: AcceptedMessage; fault: Fault }[] = [];
  let merged = 0;
  let duplicates = 0;

  const parts = messages.length > 0 ? [messages] : [];
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    beforeMerge();
    try {
      const result = await handler.merge(part);
      merged += result.merged;
      duplicates += result.duplicates;
      settled.push(...part);
    } catch (error) {
      const fault = classifyFault(error);
      const [message, ...others] = part;
      if (fault.owner === "nobody" || message === undefined) throw error;
      if (others.length > 0) {
        const middle = part.length >>> 1;
        parts.push(part.slice(middle), part.slice(0, middle));
      } else if (fault.owner === "message") {
        const { code, message: text } = fault;
        refused.push({ message, refusal: { reason: "rejected", error: { code, message: text } } });
      } else {
        undecided.push({ message, fault });
      }
    }
  }
  return { merged, duplicates, settled, refused, undecided };
}
