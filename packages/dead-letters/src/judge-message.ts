import { contractFor, type Issue, type SessionMessage } from "@centralcloud/contracts";
import type { Place } from "./place.ts";

/** What would become of a message if it were read now, as far as that can be told without merging it. */
export interface CheckResult {
  /** Null where it can't be told here. */
  readonly accepted: boolean | null;
  /** Whether the contract accepts it. */
  readonly contract: boolean | null;
  readonly issues: readonly Issue[];
  /** What else there is to say. */
  readonly note: string | null;
}

type Sealed = NonNullable<SessionMessage["sealed"]>;

export interface JudgeOptions {
  /** The longest message that consumers take, in bytes of its text. */
  readonly maxMessageBytes: number;
  /** Whether consumers refuse sessions that come in plain. */
  readonly requireSealed: boolean;
  /** Tries whether a message's seal opens, and says why not; without it seals are not tried. */
  readonly checkSeal?: (
    sealed: Sealed,
    message: SessionMessage,
    sourceId: string,
  ) => Promise<string | undefined>;
}

/** What a dead letter has of its original message. */
export interface JudgedDeadLetter {
  readonly hasOriginal: boolean;
  readonly bytes: number | null;
  readonly text: string | null;
}

/** Whether a dead letter's message would be accepted now; null where that can't be told here. */
export async function wouldBeAccepted(
  place: Place,
  { hasOriginal, bytes, text }: JudgedDeadLetter,
  judge: JudgeOptions,
): Promise<boolean | null> {
  if (!hasOriginal) return false;
  return (await judgeMessage(place, { text, bytes: bytes ?? 0 }, judge)).accepted;
}

/**
 * @param text the message's JSON text; null for none.
 * @param bytes how long it is; the text itself is not needed where that is over the limit.
 */
export async function judgeMessage(
  { queue, source }: Pick<Place, "queue"> & { readonly source: Pick<Place["source"], "sourceId"> },
  { text, bytes }: { readonly text: string | null; readonly bytes: number },
  { maxMessageBytes, requireSealed, checkSeal }: JudgeOptions,
): Promise<CheckResult> {
  if (bytes > maxMessageBytes) {
    const note = `it has ${bytes} bytes, and CONSUMER_MAX_MESSAGE_BYTES allows ${maxMessageBytes}`;
    return { accepted: false, contract: null, issues: [], note };
  }
  const checked = contractFor(queue).check(text);
  if (!checked.ok) return { accepted: false, contract: false, issues: checked.issues, note: null };
  const passed = { contract: true, issues: [] };
  const message = checked.value as SessionMessage;
  const sealed = queue === "agent-sessions" ? (message.sealed ?? undefined) : undefined;
  if (sealed === undefined) {
    const isRefused = queue === "agent-sessions" && requireSealed;
    const note = isRefused ? "it came in plain, and SESSION_REQUIRE_SEALED is set" : null;
    return { ...passed, accepted: !isRefused, note };
  }
  if (checkSeal === undefined) {
    const note = `it is sealed for key ${sealed.key_id}; give the key ring to try the seal`;
    return { ...passed, accepted: null, note };
  }
  const problem = await checkSeal(sealed, message, source.sourceId);
  return { ...passed, accepted: problem === undefined, note: problem ?? null };
}
