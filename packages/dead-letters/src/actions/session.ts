import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import {
  type ActionName,
  type ActionOrders,
  actionLeaseS,
  type CanaryState,
  claimAction,
  type PartFigures,
  raiseActionClaim,
  readActionClaim,
  releaseAction,
  reportAction,
} from "@centralcloud/central";
import { wordsOf } from "@centralcloud/service";
import type { Pool } from "pg";
import { ActionLostError, ActionUnavailableError } from "../errors.ts";
import { inTransaction } from "../transaction.ts";
import type { RunnerClaim } from "./progress.ts";

/** More often nobody claims an action. */
const mostClaims = 1_000_000_000;

/** How often a runner says that it lives while it has nothing else to say. */
const beatMs = (actionLeaseS * 1_000) / 5;

/** An action that this process has claimed, until it lets go of it. */
export class ActionSession {
  #claimed: RunnerClaim;
  readonly action: ActionName;
  readonly #central: Pool;
  readonly #timer: NodeJS.Timeout;
  #orders: ActionOrders = { state: "running", rate: null, canaryState: null };
  #beat: Promise<unknown> = Promise.resolve();

  private constructor(central: Pool, action: ActionName, claimed: RunnerClaim) {
    this.#central = central;
    this.action = action;
    this.#claimed = claimed;
    this.#timer = setInterval(() => {
      // What is wrong with the central store is told by the report before the next chunk.
      this.#beat = this.report([]).catch(() => {});
    }, beatMs);
    this.#timer.unref();
  }

  /** @throws {ActionUnavailableError} where somebody else has it, or it is at its end. */
  static async claim(central: Pool, action: ActionName): Promise<ActionSession> {
    const runner = `${hostname()}/${process.pid}/${randomBytes(4).toString("hex")}`;
    const claim = await claimAction(central, action.id, runner);
    if (!claim?.isClaimed) {
      throw new ActionUnavailableError(action.id, claim?.state, claim?.runner ?? null);
    }
    const session = new ActionSession(central, action, { runner, claimNumber: claim.claimNumber });
    try {
      await session.report([]);
    } catch (error) {
      await session.release("fail", wordsOf(error));
      throw error;
    }
    return session;
  }

  /** By which it has the action. */
  get claimed(): RunnerClaim {
    return this.#claimed;
  }

  /** Names this process, and this run of it. */
  get runner(): string {
    return this.#claimed.runner;
  }

  /** What an operator wants of it, as of the last report. */
  get orders(): ActionOrders {
    return this.#orders;
  }

  /**
   * Claims it once more by a number above that of a claim which a source has seen, where the central store says that it is
   * this runner's: then the store has lost that claim.
   *
   * @throws {ActionLostError} where it is another runner's.
   */
  async raiseClaim(above: number): Promise<void> {
    const { id } = this.action;
    // What a source says is believed no further than a claim's number may go.
    if (above >= mostClaims) throw new Error(`no claim of action ${id} has the number ${above}`);
    const claimNumber = await raiseActionClaim(this.#central, id, this.runner, above);
    if (claimNumber === undefined) throw await this.#loss();
    this.#claimed = { runner: this.runner, claimNumber };
  }

  /** Why the action is not this runner's any more, as far as the central store tells. */
  async #loss(): Promise<ActionLostError> {
    const { id, key } = this.action;
    const known = await readActionClaim(this.#central, id);
    if (known?.key !== key) return new ActionLostError(id, "gone");
    return new ActionLostError(
      id,
      known.claimNumber < this.#claimed.claimNumber ? "older" : "taken",
    );
  }

  /** @throws {ActionLostError} where the central store says that it is not this runner's. */
  async report(parts: readonly PartFigures[], canaryState?: CanaryState): Promise<ActionOrders> {
    const { id } = this.action;
    const orders = await reportAction(this.#central, id, this.runner, parts, canaryState);
    if (orders === undefined) throw await this.#loss();
    this.#orders = orders;
    return orders;
  }

  /**
   * The canary has come back: the action pauses until an operator resumes it. One transaction, since who resumes an action
   * whose canary has stopped has seen why; a runner that is killed before leaves it to the next one to judge.
   *
   * @throws {ActionLostError} where the central store says that it is not this runner's.
   */
  async stopCanary(why: string): Promise<void> {
    clearInterval(this.#timer);
    await this.#beat;
    const { id } = this.action;
    this.#orders = await inTransaction(this.#central, async (client) => {
      const orders = await reportAction(client, id, this.runner, [], "stopped");
      if (orders === undefined) throw await this.#loss();
      if (orders.state === "cancelled") return orders;
      const state = await releaseAction(client, id, this.runner, "pause", why);
      return { ...orders, state: state ?? orders.state };
    });
  }

  /** Lets go of it, as far as the central store can be told; else its lease runs out. */
  async release(verb?: "finish" | "fail" | "pause", error?: string): Promise<void> {
    clearInterval(this.#timer);
    await this.#beat;
    const { id } = this.action;
    const state = await releaseAction(this.#central, id, this.runner, verb, error).catch(
      (failure: unknown) => {
        if (verb === "fail") return null;
        throw failure;
      },
    );
    if (state !== null) this.#orders = { ...this.#orders, state };
  }
}
