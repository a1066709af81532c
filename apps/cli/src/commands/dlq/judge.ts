import type { JudgeOptions } from "@centralcloud/dead-letters";
import { type Environment, flag, parseConfiguration, wholeNumber } from "@centralcloud/service";
import { openState, SealError } from "@centralcloud/session-keys";
import { readKeyRing } from "../../key-ring.ts";

/** The same without the key ring: seals are not tried. */
export function readJudgeLimits(environment: Environment): Omit<JudgeOptions, "checkSeal"> {
  const values = parseConfiguration(
    {
      CONSUMER_MAX_MESSAGE_BYTES: wholeNumber(1, 268_435_455, 1_048_576),
      SESSION_REQUIRE_SEALED: flag(false),
    },
    environment,
  );
  return {
    maxMessageBytes: values.CONSUMER_MAX_MESSAGE_BYTES,
    requireSealed: values.SESSION_REQUIRE_SEALED,
  };
}

/** What a consumer with this environment would refuse. */
export async function readJudge(environment: Environment): Promise<JudgeOptions> {
  const options = readJudgeLimits(environment);
  const keyRing = await readKeyRing(environment);
  if (keyRing.keys.length === 0) return options;
  return {
    ...options,
    async checkSeal(sealed, { agent_id: agent, session_id: session, synced_at: version }, source) {
      try {
        await openState(keyRing, sealed, { source, agent, session, version });
        return undefined;
      } catch (error) {
        if (error instanceof SealError) return error.message;
        throw error;
      }
    },
  };
}
