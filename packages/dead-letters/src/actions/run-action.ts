import type { ActionState, CanaryState } from "@centralcloud/central";
import { sqlState } from "@centralcloud/postgres";
import { pause, wordsOf } from "@centralcloud/service";
import type { PoolClient } from "pg";
import type { DeadLetterKey } from "../cursor.ts";
import { type ActingRole, ActionLostError } from "../errors.ts";
import type { Place } from "../place.ts";
import { type OnProgress, RateLimit } from "../rate-limit.ts";
import type { NeededRight } from "../rights.ts";
import { inTransaction } from "../transaction.ts";
import { at, PlaceFaultError } from "./place-fault.ts";
import {
  assertCounts,
  type ChunkCounts,
  closeProgress,
  figuresOf,
  type Left,
  lockProgress,
  type OpenPart,
  openProgress,
  type Progress,
  saveProgress,
} from "./progress.ts";
import type { ActionSession } from "./session.ts";

/** What one kind of action does to messages. `Selection` is what a part's row keeps of it. */
export interface ActionStep<Selection> {
  /** Two: what others have locked is stepped over, and waited for at the end. */
  readonly passes: 1 | 2;
  /** Whose members may do it; default: operators. */
  readonly role?: ActingRole;
  needs(place: Place): readonly NeededRight[];
  /** Moves the next messages, in the transaction of the client. */
  moveChunk(
    client: PoolClient,
    place: Place,
    selection: Selection,
    chunk: ChunkRequest,
  ): Promise<ChunkCounts>;
  countLeft(place: Place, selection: Selection): Promise<Left>;
}

export interface ChunkRequest {
  readonly after: DeadLetterKey | undefined;
  readonly limit: number;
  /** What is moved is counted in it, by what moves it. */
  readonly part: OpenPart;
  /** Whether messages are waited for that others have locked. */
  readonly waits: boolean;
}

/** One queue of one source, with what is selected there. */
export interface ActionPartOf<Selection> {
  readonly place: Place;
  readonly selection: Selection;
}

export interface RunResult {
  readonly state: ActionState;
  readonly moved: number;
  readonly merged: number;
  readonly refused: number;
  readonly remaining: number;
  readonly detail: Readonly<Record<string, number>>;
  /** Whether the signal ended it before its end. */
  readonly interrupted: boolean;
  /** Why its canary stopped it; null where none did. */
  readonly stopped: string | null;
}

/** What the signal of a run does to its action: it waits for who resumes it, or for any process that is free. */
export type WhenInterrupted = "pause" | "release";

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Default: `pause`. */
  readonly whenInterrupted?: WhenInterrupted;
  /** Decides about the rest once the first ones have gone; without it there is no canary. */
  readonly canary?: Canary;
  /** Messages that were counted when it was planned. */
  readonly expected?: number;
  readonly onProgress?: OnProgress;
}

/** The first few, whose outcome is waited for. */
export interface Canary {
  readonly count: number;
  /** What has become of those sent so far; a reason where the rest must stay. */
  judge(): Promise<{ readonly waiting: number; readonly stop: string | undefined }>;
}

/** So long a runner sleeps at most before it asks whether it is still to do what it does, in milliseconds. */
const napMs = 500;

/** How long messages are waited for that others have locked. */
const lockWaitS = 5;

/**
 * Runs an action that was claimed until its end, or until it is paused, cancelled or interrupted, and lets go of it.
 * Before each chunk it tells the central store how far it is, and asks what to do. Each chunk is one transaction at its
 * source, with its figures; so wherever this ends, another run continues with what has not been moved.
 */
export async function runAction<Selection>(
  session: ActionSession,
  step: ActionStep<Selection>,
  parts: readonly ActionPartOf<Selection>[],
  options: RunOptions = {},
): Promise<RunResult> {
  const run = new ActionRun(session, step, parts, options);
  try {
    return await run.run();
  } catch (failure) {
    const error = failure instanceof PlaceFaultError ? failure.cause : failure;
    await session.release("fail", wordsOf(error));
    throw error;
  }
}

interface Part<Selection> extends ActionPartOf<Selection> {
  progress: Progress;
  left: Left | undefined;
}

class ActionRun<Selection> {
  readonly #session: ActionSession;
  readonly #step: ActionStep<Selection>;
  readonly #wanted: readonly ActionPartOf<Selection>[];
  readonly #parts: Part<Selection>[] = [];
  /** What failed at single sources: first those that could not be opened. */
  readonly #faults: PlaceFaultError[] = [];
  readonly #signal: AbortSignal;
  readonly #whenInterrupted: WhenInterrupted;
  readonly #canary: Canary | undefined;
  readonly #rateLimit = new RateLimit();
  readonly #tellProgress: () => void;
  #stopped: string | null = null;

  constructor(
    session: ActionSession,
    step: ActionStep<Selection>,
    parts: readonly ActionPartOf<Selection>[],
    options: RunOptions,
  ) {
    const { signal = new AbortController().signal, canary, expected = 0, onProgress } = options;
    this.#session = session;
    this.#step = step;
    this.#wanted = parts;
    this.#signal = signal;
    this.#whenInterrupted = options.whenInterrupted ?? "pause";
    this.#canary = canary;
    const actionId = session.action.id;
    this.#tellProgress = () => onProgress?.({ actionId, moved: this.#result().moved, expected });
  }

  async run(): Promise<RunResult> {
    for (const { place, selection } of this.#wanted) {
      try {
        const progress = await at(place, () => this.#open(place));
        this.#parts.push({ place, selection, progress, left: undefined });
      } catch (error) {
        this.#keep(error);
      }
    }
    await this.#report(...this.#parts);
    for (const part of this.#parts) {
      try {
        if (!(await this.#work(part))) return await this.#stop();
        await this.#close(part);
      } catch (error) {
        this.#keep(error);
      }
    }
    return await this.#finish();
  }

  /** @throws what is no fault of a single source. */
  #keep(error: unknown): void {
    if (!(error instanceof PlaceFaultError)) throw error;
    this.#faults.push(error);
  }

  /** Ends the action. @throws {PlaceFaultError} where a source did not do its part: then its figures are not final. */
  async #finish(): Promise<RunResult> {
    const [fault] = this.#faults;
    if (fault !== undefined) throw fault;
    await this.#session.release("finish");
    return this.#result();
  }

  /** Claims a part, also from a claim that the central store has lost. */
  async #open(place: Place): Promise<Progress> {
    const { action } = this.#session;
    const open = async () => await openProgress(place, action, this.#session.claimed);
    const opened = await open();
    if (!("laterClaim" in opened)) return opened;
    await this.#session.raiseClaim(opened.laterClaim);
    const again = await open();
    if ("laterClaim" in again) throw new ActionLostError(action.id);
    return again;
  }

  /** Whether it came to the end of the part. */
  async #work(part: Part<Selection>): Promise<boolean> {
    while (part.progress.endedAt === null) {
      if (!(await this.#mayGoOn(part))) return false;
      const { moved, isAtEnd } = await at(part.place, () => this.#moveChunk(part));
      this.#rateLimit.count(moved);
      if (isAtEnd) break;
    }
    return true;
  }

  /** Tells how far it is, and waits until the next chunk may begin; false where none may. */
  async #mayGoOn(part: Part<Selection>): Promise<boolean> {
    let canaryState: CanaryState | undefined;
    for (;;) {
      if (this.#signal.aborted) return false;
      this.#tellProgress();
      const orders = await this.#report(part, canaryState);
      canaryState = undefined;
      if (orders.state !== "running" && orders.state !== "paused") return false;
      this.#rateLimit.setRate(orders.rate);
      if (orders.state === "running") {
        const checkResult = await this.#judgeCanary(orders.canaryState);
        if (checkResult === "stop") return false;
        if (checkResult === "go" && this.#rateLimit.dueMs === 0) return true;
        if (checkResult !== "go" && checkResult !== "wait") canaryState = checkResult;
      }
      if (canaryState !== undefined) continue;
      const restMs = orders.state === "running" ? this.#rateLimit.dueMs || napMs : napMs;
      await pause(Math.min(restMs, napMs), this.#signal);
    }
  }

  #moveChunk(part: Part<Selection>): Promise<{ moved: number; isAtEnd: boolean }> {
    const { place, selection } = part;
    const { action, runner } = this.#session;
    return inTransaction(place.source.pool, async (client) => {
      const before = await lockProgress(client, place.queue, action, runner);
      const waits = before.pass > 1;
      if (before.endedAt !== null || before.pass > this.#step.passes) {
        part.progress = before;
        return { moved: 0, isAtEnd: true };
      }
      if (waits) await client.query(`set local lock_timeout = '${lockWaitS}s'`);
      const limit = Math.min(this.#rateLimit.limit, this.#canaryLeft());
      const open = { key: action.key, queue: place.queue, runner };
      const request = { after: before.after, limit, part: open, waits };
      const counts = await this.#step.moveChunk(client, place, selection, request);
      const isPassOver = counts.last === undefined;
      const pass = isPassOver ? before.pass + 1 : before.pass;
      part.progress = await saveProgress(client, open, before, counts, pass);
      return { moved: counts.moved, isAtEnd: isPassOver && before.pass >= this.#step.passes };
    }).catch((error: { code?: string }) => {
      // They are somebody's for longer than that: they remain, and are told.
      if (error.code !== sqlState.lockNotAvailable || part.progress.pass === 1) throw error;
      return { moved: 0, isAtEnd: true };
    });
  }

  /** How many the canary has yet to send; no limit without one, or once it has passed. */
  #canaryLeft(): number {
    const { canaryState } = this.#session.orders;
    if (this.#canary === undefined || canaryState === "passed") return Number.POSITIVE_INFINITY;
    return Math.max(1, this.#canary.count - this.#sent);
  }

  async #judgeCanary(state: CanaryState | null): Promise<"go" | "wait" | "stop" | CanaryState> {
    const canary = this.#canary;
    if (canary === undefined || state === "passed") return "go";
    if (state === "sending") return this.#sent < canary.count ? "go" : "waiting";
    const { waiting, stop } = await canary.judge();
    if (stop !== undefined) {
      await this.#session.stopCanary(stop);
      this.#stopped = stop;
      return "stop";
    }
    return waiting > 0 ? "wait" : "passed";
  }

  async #close(part: Part<Selection>): Promise<void> {
    const { action, runner } = this.#session;
    await at(part.place, async () => {
      part.progress = await closeProgress(part.place, action, runner);
      part.left = await this.#countLeft(part);
    });
    await this.#report(part);
  }

  /** Ends the action where it is: what failed while messages were moved does not matter any more. */
  async #closeAll(): Promise<RunResult> {
    this.#faults.splice(this.#wanted.length - this.#parts.length);
    for (const part of this.#parts) await this.#close(part).catch((error) => this.#keep(error));
    return await this.#finish();
  }

  async #countLeft({ place, selection }: Part<Selection>): Promise<Left> {
    const left = await this.#step.countLeft(place, selection);
    assertCounts(left.remaining, left.refused);
    return left;
  }

  /** It was interrupted, paused by its canary, or cancelled. */
  async #stop(): Promise<RunResult> {
    const { state } = this.#session.orders;
    if (state === "cancelled") return await this.#closeAll();
    for (const part of this.#parts) {
      part.left ??= await this.#countLeft(part);
    }
    const { remaining } = this.#result();
    if (!this.#signal.aborted) return this.#result();
    // Nobody knows what remains at a source that could not be opened.
    const isAllOpen = this.#parts.length === this.#wanted.length;
    if (remaining === 0 && isAllOpen) return await this.#closeAll();
    if (this.#whenInterrupted === "release") await this.#session.release();
    else await this.#session.release("pause", "interrupted where it ran");
    return { ...this.#result(), interrupted: true };
  }

  #report(...given: readonly (Part<Selection> | CanaryState | undefined)[]) {
    const parts = given.filter((one) => typeof one === "object");
    const canaryState = given.find((one) => typeof one === "string");
    const figures = parts.map(({ place, progress, left }) =>
      figuresOf(place, progress, progress.endedAt === null ? undefined : left),
    );
    return this.#session.report(figures, canaryState);
  }

  /** What was merged before says nothing of the rest: nothing of it was sent. */
  get #sent(): number {
    return this.#parts.reduce((sum, { progress }) => sum + progress.moved - progress.merged, 0);
  }

  #result(): RunResult {
    const detail: Record<string, number> = {};
    const sums = { moved: 0, merged: 0, refused: 0, remaining: 0 };
    for (const { progress, left } of this.#parts) {
      sums.moved += progress.moved;
      sums.merged += progress.merged;
      sums.refused += left?.refused ?? 0;
      sums.remaining += left?.remaining ?? 0;
      for (const [name, count] of Object.entries(progress.detail)) {
        detail[name] = (detail[name] ?? 0) + count;
      }
    }
    const { state } = this.#session.orders;
    return { ...sums, detail, state, interrupted: false, stopped: this.#stopped };
  }
}
