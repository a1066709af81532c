import type { ClaimedMessage } from "../client/message.ts";
import type { LaneHandler, Verdict } from "./handler.ts";

/** Checks that wait for something else, such as a thread, may overlap up to this number. */
const atOnce = 16;

export interface Checked {
  readonly message: ClaimedMessage;
  /** An error where the check could not be made: its thread died, perhaps of this very message. */
  readonly verdict: Verdict | Error;
}

/**
 * The verdict on each message, in their order. Leaves out what is over the batch's memory, and what it
 * did not come to before `stopping` was aborted.
 */
export async function checkAll(
  messages: readonly ClaimedMessage[],
  handler: LaneHandler,
  stopping: AbortSignal,
): Promise<readonly Checked[]> {
  const verdicts = new Map<ClaimedMessage, Verdict | Error>();
  const queue = messages.filter(({ withheld }) => withheld !== "memory-budget").values();

  async function work(): Promise<void> {
    for (const message of queue) {
      if (stopping.aborted) return;
      try {
        const verdict = judge(message, handler);
        verdicts.set(message, verdict instanceof Promise ? await verdict : verdict);
      } catch (error) {
        verdicts.set(message, error instanceof Error ? error : new Error(String(error)));
      }
    }
  }

  // The first worker does all that needs no waiting before the second one starts.
  await Promise.all(Array.from({ length: atOnce }, work));
  return messages.flatMap((message) => {
    const verdict = verdicts.get(message);
    return verdict === undefined ? [] : [{ message, verdict }];
  });
}

function judge(message: ClaimedMessage, handler: LaneHandler): Verdict | Promise<Verdict> {
  if (message.withheld !== "too-large") return handler.check(message.body);
  const text = `it has ${message.bytes} bytes, more than is allowed`;
  const refusal = { reason: "too-large", error: { code: "too-large", message: text } } as const;
  return { accepted: false, refusal };
}
