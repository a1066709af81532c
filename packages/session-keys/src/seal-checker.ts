import { availableParallelism } from "node:os";
import { definePart, type Part } from "@centralcloud/service";
import { Piscina } from "piscina";
import type { CheckResult } from "./check-seal.ts";
import { SealError } from "./errors.ts";
import type { SessionKey } from "./key-file.ts";
import { createKeyRing, type KeyRing, type Sealed } from "./key-ring.ts";
import { openState } from "./open-state.ts";

/** Says whether seals open, without holding up the process that asks. */
export interface SealChecker extends Part {
  /**
   * Resolves when the seal opens and holds a session state, which is then thrown away. Rejects with
   * another error when it was not found out, because the checker stopped or its thread died.
   *
   * @throws {SealError} when the message is to blame.
   */
  check(sealed: Sealed): Promise<void>;
}

/** One core is left for the rest of the process; more than four threads would outrun the databases. */
const threads = Math.max(1, Math.min(4, availableParallelism() - 1));

/**
 * Opening an RSA seal is milliseconds of arithmetic, so it is done by threads, one seal at a time
 * each. Plaintexts stay in them. Without keys there are no threads.
 *
 * `start` rejects with a {@link KeyRingError} when a key can't be used.
 */
export function createSealChecker(keys: readonly SessionKey[]): SealChecker {
  let keyRing: KeyRing | undefined;
  let pool: Piscina<Sealed, CheckResult> | undefined;

  const part = definePart({
    name: "seal checker",
    async start() {
      keyRing = await createKeyRing(keys);
      if (keys.length === 0) return;
      const filename = new URL("./seal-thread.cjs", import.meta.url).href;
      const size = { minThreads: threads, maxThreads: threads };
      pool = new Piscina({ filename, ...size, workerData: keys });
    },
    async stop() {
      await pool?.destroy();
    },
  });

  return {
    ...part,
    async check(sealed) {
      if (keyRing === undefined) throw new Error("the seal checker was not started");
      if (pool === undefined) {
        await openState(keyRing, sealed);
        return;
      }
      const { alg, key_id, data } = sealed;
      const result = await pool.run({ alg, key_id, data });
      if (result !== undefined) throw new SealError(result.code, result.message);
    },
  };
}
