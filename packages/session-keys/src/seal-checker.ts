import { availableParallelism } from "node:os";
import { definePart, type Part, threadsThatFit } from "@centralcloud/service";
import { Piscina } from "piscina";
import { dataKeyAlgorithm } from "./algorithm.ts";
import type { CheckResult, FoundSeal } from "./check-seal.ts";
import { SealError } from "./errors.ts";
import type { SessionKey } from "./key-file.ts";
import { createKeyRing, type KeyRing, type Sealed } from "./key-ring.ts";
import { openState } from "./open-state.ts";
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

/** A group costs one message to a thread and back (60 µs), a seal by a known data key 20 µs. */
const mostInGroup = 32;

interface Question extends FoundSeal {
  answer(result: CheckResult): void;
  fail(error: unknown): void;
}

/**
 * Opening an RSA seal is milliseconds of arithmetic, so it is done by threads. What is asked in one turn of the event
 * loop goes to one of them as a group where a seal is cheap, which is where it has a data key; else one by one.
 * Data keys and plaintexts stay in the threads. Without keys there are no threads.
 *
 * `start` rejects with a {@link KeyRingError} when a key can't be used, and with a {@link ConfigurationError} where
 * there is no room for a thread.
 */
export function createSealChecker(keys: readonly SessionKey[]): SealChecker {
  let keyRing: KeyRing | undefined;
  let pool: Piscina<readonly FoundSeal[], CheckResult[]> | undefined;
  let asked: Question[] = [];

  const part = definePart({
    name: "seal checker",
    async start() {
      keyRing = await createKeyRing(keys);
      if (keys.length === 0) return;
      const filename = new URL("./seal-thread.cjs", import.meta.url).href;
      const count = threadsThatFit(threads);
      const size = { minThreads: count, maxThreads: count };
      pool = new Piscina({ filename, ...size, workerData: keys });
    },
    async stop() {
      await pool?.destroy();
    },
  });

  function askThreads(): void {
    const questions = asked;
    asked = [];
    for (let start = 0; start < questions.length; start += mostInGroup) {
      void askThread(questions.slice(start, start + mostInGroup));
    }
  }

  async function askThread(questions: readonly Question[]): Promise<void> {
    try {
      if (pool === undefined) throw new Error("the seal checker was not started");
      const seals = questions.map(({ sealed, identity }) => ({ sealed, identity }));
      const results = await pool.run(seals);
      for (const [place, question] of questions.entries()) question.answer(results[place]);
    } catch (error) {
      for (const question of questions) question.fail(error);
    }
  }

  return {
    ...part,
    async check(sealed, identity) {
      if (keyRing === undefined) throw new Error("the seal checker was not started");
      if (pool === undefined) {
        await openState(keyRing, sealed, identity);
        return;
      }
      const { alg, key_id, data, data_key } = sealed;
      const result = await new Promise<CheckResult>((answer, fail) => {
        const question = { sealed: { alg, key_id, data, data_key }, identity, answer, fail };
        if (alg !== dataKeyAlgorithm) return void askThread([question]);
        if (asked.length === 0) setImmediate(askThreads);
        asked.push(question);
      });
      if (result !== undefined) throw new SealError(result.code, result.message);
    },
  };
}
