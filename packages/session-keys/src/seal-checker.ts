import { availableParallelism } from "node:os";
import { definePart, type Part, threadsThatFit } from "@centralcloud/service";
import { Piscina } from "piscina";
import type { CheckResult, FoundSeal } from "./check-seal.ts";
import { SealError } from "./errors.ts";
import type { SessionKey } from "./key-file.ts";
import { createKeyRing, type KeyRing, type Sealed } from "./key-ring.ts";
import { openState } from "./open-state.ts";
import { SealQueue } from "./seal-queue.ts";
import type { SessionIdentity } from "./session-identity.ts";

/** Says whether seals open, without holding up the process that asks. */
export interface SealChecker extends Part {
  /**
   * Resolves when the seal opens, names the message's session, and holds a state, which is then thrown away.
   * Rejects with another error when it was not found out, because the checker stopped or its thread died.
   *
   * @throws {SealError} when the message is to blame.
   */
  check(sealed: Sealed, identity: SessionIdentity): Promise<void>;
}

/** One core is left for the rest of the process; more than four threads would outrun the databases. */
const threads = Math.max(1, Math.min(4, availableParallelism() - 1));

/**
 * Opening an RSA seal is milliseconds of arithmetic, so it is done by threads: see {@link SealQueue}. Data keys and
 * plaintexts stay in the threads. Without keys there are no threads.
 *
 * `start` rejects with a {@link KeyRingError} when a key can't be used, and with a {@link ConfigurationError} where
 * there is no room for a thread.
 */
export function createSealChecker(keys: readonly SessionKey[]): SealChecker {
  let keyRing: KeyRing | undefined;
  let pool: Piscina<readonly FoundSeal[], CheckResult[]> | undefined;
  let queue: SealQueue | undefined;

  const part = definePart({
    name: "seal checker",
    async start() {
      keyRing = await createKeyRing(keys);
      if (keys.length === 0) return;
      const filename = new URL("./seal-thread.cjs", import.meta.url).href;
      const count = threadsThatFit(threads);
      const size = { minThreads: count, maxThreads: count };
      const started: NonNullable<typeof pool> = new Piscina({
        filename,
        ...size,
        workerData: keys,
      });
      // A thread that dies when it has answered: the next seal gets another one.
      started.on("error", () => {});
      pool = started;
      queue = new SealQueue({ count, run: (seals, signal) => started.run(seals, { signal }) });
    },
    async stop() {
      queue?.stop();
      await pool?.destroy();
    },
  });

  return {
    ...part,
    async check(sealed, identity) {
      if (keyRing === undefined) throw new Error("the seal checker was not started");
      if (queue === undefined) {
        await openState(keyRing, sealed, identity);
        return;
      }
      const { alg, key_id, data, data_key } = sealed;
      const result = await queue.check({ sealed: { alg, key_id, data, data_key }, identity });
      if (result === undefined) return;
      if (result.code === undefined) throw new Error(result.message);
      throw new SealError(result.code, result.message);
    },
  };
}
