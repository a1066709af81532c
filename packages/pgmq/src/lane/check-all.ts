import type { ClaimedMessage } from "../client/message.ts";
import type { LaneHandler, Verdict } from "./handler.ts";

/** Checks that wait for something else, such as a thread, may overlap up to this number. */
const atOnce = 16;

/** An error where the check could not be made: its thread died, perhaps of this very message. */
type Checked = Verdict | Error;

/**
 * The verdict on each message, in their order; undefined for what is over the batch's memory, and what it
 * did not come to before `stopping` was aborted.
 */
export async function checkAll(
  messages: readonly ClaimedMessage[],
  handler: LaneHandler,
  stopping: AbortSignal,
): Promise<readonly (Checked | undefined)[]> {
  const verdicts: (Checked | undefined)[] = messages.map(() => undefined);
  let next = 0;

  async function work(): Promise<void> {
    for (let place = next++; place < messages.length; place = next++) {
      if (stopping.aborted) return;
      const message = messages[place] as ClaimedMessage;
      if (message.withheld === "memory-budget") continue;
      try {
        const verdict = judge(message, handler);
        verdicts[place] = verdict instanceof Promise ? await verdict : verdict;
      } catch (error) {
        verdicts[place] = error instanceof Error ? error : new Error(String(error));
      }
    }
  }

  // The first worker does all that needs no waiting before the second one starts.
  await Promise.all(Array.from({ length: atOnce }, work));
  return verdicts;
}

function judge(message: ClaimedMessage, handler: LaneHandler): Verdict | Promise<Verdict> {
  if (message.withheld !== "too-large") return handler.check(message.body);
  const text = `it has ${message.bytes} bytes, more than is allowed`;
  const refusal = { reason: "too-large", error: { code: "too-large", message: text } } as const;
  return { accepted: false, refusal };
}
