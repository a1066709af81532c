import { classifyFault, type Fault } from "@centralcloud/postgres";
import type { MergeResult } from "./handler.ts";
import { StaleLeaseError } from "./lease.ts";
import { RefusalRate } from "./refusal-rate.ts";

export interface Isolated<Message> extends MergeResult {
  /** In the store now, by this merge or an earlier one. */
  readonly settled: readonly Message[];
  /** Refused alone, each with why; the owner of the fault is `message` or `unknown`. */
  readonly culprits: readonly { readonly message: Message; readonly fault: Fault }[];
}

/**
 * Merges a batch although some of its messages may be refused: those are found, and all others merged.
 *
 * A group that is refused holds a culprit, which halving finds in log₂ of its size merges; what is
 * merged on the way is settled, what was not looked at goes back to the rest. Then the rest is tried,
 * after the second culprit in groups that the rate of refusals makes likely to pass: one culprit in 500
 * costs about a dozen merges, and where every message is refused, little more than one each.
 *
 * @param merge all of the given messages or none; called with at least one.
 * @param rate what earlier batches of the lane have shown; learns from this one.
 * @throws the error of a fault that is nobody's, and {@link StaleLeaseError}, at once; what had been merged until then comes back
 *   as duplicates when it is delivered again.
 */
export async function isolate<Message>(
  messages: readonly Message[],
  merge: (group: readonly Message[]) => Promise<MergeResult>,
  rate = new RefusalRate(),
): Promise<Isolated<Message>> {
  const settled: Message[] = [];
  const culprits: { message: Message; fault: Fault }[] = [];
  let merged = 0;
  let duplicates = 0;

  async function refusalOf(group: readonly Message[]): Promise<Fault | undefined> {
    try {
      const result = await merge(group);
      merged += result.merged;
      duplicates += result.duplicates;
      settled.push(...group);
      return undefined;
    } catch (error) {
      const fault = classifyFault(error);
      if (fault.owner === "nobody" || error instanceof StaleLeaseError) throw error;
      return fault;
    }
  }

  /** The first culprit of a refused group is found, what lies before it merged; returns what lies behind it. */
  async function findCulprit(refused: readonly Message[], why: Fault): Promise<readonly Message[]> {
    let group = refused;
    let fault = why;
    /** Whether `fault` is what the store said of exactly this group. */
    let asked = true;
    let behind: readonly Message[] = [];
    while (group.length > 1) {
      const middle = group.length >>> 1;
      const first = group.slice(0, middle);
      const refusal = await refusalOf(first);
      if (refusal === undefined) {
        group = group.slice(middle);
        asked = false;
      } else {
        behind = [...group.slice(middle), ...behind];
        group = first;
        fault = refusal;
        asked = true;
      }
    }
    for (const message of group) {
      const own = asked ? fault : await refusalOf([message]);
      if (own !== undefined) culprits.push({ message, fault: own });
    }
    return behind;
  }

  let rest = messages;
  while (rest.length > 0) {
    const decided = settled.length + culprits.length;
    const size = rate.groupSize(decided, culprits.length, rest.length);
    const group = rest.slice(0, size);
    const refusal = await refusalOf(group);
    const behind = refusal === undefined ? [] : await findCulprit(group, refusal);
    rest = [...behind, ...rest.slice(size)];
  }
  rate.learn(messages.length, culprits.length);
  return { merged, duplicates, settled, culprits };
}
