import type { SessionMessage } from "@centralcloud/contracts";
import type { CheckResult } from "@centralcloud/lane";
import type { Refusal } from "@centralcloud/queue";
import { type SealChecker, SealError, type SessionIdentity } from "@centralcloud/session-keys";

/** What a session message may be refused for beyond its contract: `accepted`, or why not. */
export type SessionGate = (
  message: SessionMessage,
  accepted: CheckResult,
  sourceId: string,
) => CheckResult | Promise<CheckResult>;

export interface SessionGateOptions {
  readonly checker: Pick<SealChecker, "check">;
  /** Whether sessions that come in plain are refused. */
  readonly requireSealed: boolean;
}

/**
 * Lets in what can be opened later: a sealed session whose key we hold and whose seal was made for it, and a plain one
 * unless sealing is required. The seal is only tried; what is stored is the sealed message as it came.
 */
export function createSessionGate({ checker, requireSealed }: SessionGateOptions): SessionGate {
  return (message, accepted, sourceId) => {
    const { sealed } = message;
    if (sealed !== undefined && sealed !== null) {
      return checker.check(sealed, identityOf(message, sourceId)).then(
        () => accepted,
        (error: unknown) => ({ accepted: false, refusal: unreadable(error) }),
      );
    }
    return requireSealed ? { accepted: false, refusal: plainSession } : accepted;
  };
}

function identityOf(message: SessionMessage, source: string): SessionIdentity {
  const { agent_id: agent, session_id: session, synced_at: version } = message;
  return { source, agent, session, version };
}

const plainSession: Refusal = {
  reason: "invalid",
  error: {
    code: "plain_session",
    message: "it came in plain, and this consumer takes sealed sessions only",
  },
};

/** @throws the error itself when it does not tell about the seal: the check was not made. */
function unreadable(error: unknown): Refusal {
  if (!(error instanceof SealError)) throw error;
  return { reason: "unreadable", error: { code: error.code, message: error.message } };
}
