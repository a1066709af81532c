import { type ActionDetails, actionLeaseS, listActions, readAction } from "@centralcloud/central";
import {
  ActionUnavailableError,
  continueAction,
  type OnProgress,
  type SettledDeadLetter,
} from "@centralcloud/dead-letters";
import { definePart, type Part, pause, settledWithin } from "@centralcloud/service";
import type { Pool } from "pg";
import type { Logins } from "../configuration.ts";
import { statementS, withCentral, withScope } from "./databases.ts";
import { channel } from "./record.ts";

/**
 * Runs actions in this process, in the background, each with a lease in the central store. What a console was running that
 * was killed, another one continues with, and so does `centralcloud actions resume`; one that is stopped pauses its actions.
 */
export interface ActionRunner extends Part {
  /**
   * Begins an action. Resolves once it is on record, or at its end where that comes first; it continues in the background.
   *
   * @throws what the work throws before the action is on record.
   */
  begin(work: (options: WorkOptions) => Promise<WorkReport>): Promise<Begun>;
  /** Continues with an action unless a living process has it, which is found out within a lease; returns at once. */
  goOn(id: string): void;
}

/** What the work of an action is to be given. */
export interface WorkOptions {
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

export interface WorkReport {
  readonly actionId: string | null;
  readonly settledBefore?: readonly SettledDeadLetter[];
}

/** What has begun. */
export interface Begun {
  /** Null where nothing was left to do. */
  readonly actionId: string | null;
  /** Dead letters that were named, and that an earlier action had moved. */
  readonly settledBefore: readonly SettledDeadLetter[];
}

export interface RunnerOptions {
  readonly logins: Logins;
  /** Whether it continues by itself with what other consoles have left; default: true. */
  readonly adopts?: boolean;
  /** Is told why an action failed here. */
  readonly tell: (path: string, error: unknown) => void;
}

/** How often it is looked for actions of consoles that are gone, in milliseconds. */
const adoptEveryMs = (actionLeaseS * 1_000) / 2;

/** So many run here at most that nobody has asked this process for; each has connections of its own. */
const mostAdopted = 4;

/** How long an action that could not be continued is left alone, in milliseconds. */
const restMs = 60_000;

/** How often it is asked whether the process that has an action still lives, in milliseconds. */
const watchEveryMs = 500;

export function createActionRunner({ logins, adopts = true, tell }: RunnerOptions): ActionRunner {
  const ended = new AbortController();
  const { signal } = ended;
  const tasks = new Set<Promise<void>>();
  const running = new Set<string>();
  const restsUntil = new Map<string, number>();

  function track(work: Promise<void>): void {
    tasks.add(work);
    void work.finally(() => tasks.delete(work));
  }

  function goOn(id: string): void {
    if (running.has(id) || signal.aborted) return;
    running.add(id);
    track(
      continueHere(id)
        .catch((error: unknown) => {
          if (error instanceof ActionUnavailableError || signal.aborted) return;
          restsUntil.set(id, performance.now() + restMs);
          tell(`/actions/${id}`, error);
        })
        .finally(() => running.delete(id)),
    );
  }

  async function continueHere(id: string): Promise<void> {
    await withCentral(logins.centralUrl, { askS: statementS.central }, async (central) => {
      const action = await waitUntilFree(central, id, signal);
      if (action === undefined) return;
      const source = [...new Set(action.parts.map(({ sourceId }) => sourceId))];
      if (source.length === 0) {
        await continueAction(id, { central, sources: [], signal });
        return;
      }
      const { source: askS } = statementS;
      await withScope(logins.sourceUrls, { source }, { askS }, ({ sources }) =>
        continueAction(id, { central, sources, signal }),
      );
    });
  }

  async function adopt(): Promise<void> {
    const found = await withCentral(logins.centralUrl, { askS: 5, signal }, (central) =>
      listActions(central, { states: ["running"], limit: 200 }),
    );
    for (const { id, runner, channel: from } of found) {
      if (running.size >= mostAdopted) return;
      const rests = (restsUntil.get(id) ?? 0) > performance.now();
      if (from === channel && runner === null && !rests) goOn(id);
    }
  }

  async function adoptForever(): Promise<void> {
    while (!signal.aborted) {
      // The pages say what is wrong with the central store.
      await adopt().catch(() => {});
      await pause(adoptEveryMs, signal);
    }
  }

  const part = definePart({
    name: "console actions",
    async start() {
      if (adopts) track(adoptForever());
    },
    async stop(graceMs) {
      ended.abort();
      await settledWithin(Promise.all(tasks), graceMs);
    },
  });
  return {
    ...part,
    goOn,
    begin(work) {
      return new Promise((resolve, reject) => {
        let id: string | undefined;
        const onProgress: OnProgress = ({ actionId }) => {
          id = actionId;
          running.add(actionId);
          resolve({ actionId, settledBefore: [] });
        };
        const done = work({ signal, onProgress }).then(
          ({ actionId, settledBefore = [] }) => resolve({ actionId, settledBefore }),
          (error: unknown) => {
            if (id === undefined) reject(error);
            else tell(`/actions/${id}`, error);
          },
        );
        track(
          done.finally(() => {
            if (id !== undefined) running.delete(id);
          }),
        );
      });
    },
  };
}

/** Waits until nobody has the action; undefined where somebody does, and lives, or it is not to be run. */
async function waitUntilFree(
  central: Pool,
  id: string,
  signal: AbortSignal,
): Promise<ActionDetails | undefined> {
  const first = await readAction(central, id);
  for (let now = first; now !== undefined && !signal.aborted; now = await readAction(central, id)) {
    const isToRun = now.state === "planned" || now.state === "running" || isToSettle(now);
    if (!isToRun || now.leaseUntil !== first?.leaseUntil) return undefined;
    if (now.runner === null) return now;
    await pause(watchEveryMs, signal);
  }
  return undefined;
}

/** Cancelled while nobody ran it: its figures have yet to be made final. */
function isToSettle({ state, finishedAt }: ActionDetails): boolean {
  return state === "cancelled" && finishedAt === null;
}
