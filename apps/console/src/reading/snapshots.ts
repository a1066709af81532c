import {
  type AskOptions,
  askDatabase,
  askSources,
  type OpenSource,
  sourcesAtATime,
} from "@centralcloud/inspect";
import { withoutSecrets } from "@centralcloud/postgres";
import { type Silence, settledWithin, withoutContents, wordsOf } from "@centralcloud/service";
import type { Pool } from "pg";
import type { Logins } from "../configuration.ts";
import { createGate } from "./gate.ts";
import { createTurns } from "./turns.ts";

/** What a database said last, and whether it still does. */
export interface Snapshot<Value> {
  /** The name of the source, once it has said it; else its address, without secrets. */
  readonly name: string;
  readonly sourceId: string | undefined;
  /** Its last answer; undefined where there was none. */
  readonly value: Value | undefined;
  readonly at: Date | undefined;
  /** Why the last asking had no answer; undefined where it had one, or none has ended yet. */
  readonly silence: string | undefined;
  /** Whether nothing has come of any asking yet. */
  readonly isWaiting: boolean;
}

/**
 * One look for everybody: however many people and tabs watch, a database is asked once in a while, and not at all while
 * nobody does. Whoever asks gets what is there, and waits no longer than a moment for something newer, so that a database
 * that hangs delays no page.
 */
export interface Snapshots {
  /**
   * What each source said last, in the order in which they are configured.
   *
   * @param name of what is asked; the same name always asks the same.
   * @param everyMs how old an answer may be before it is asked for again.
   */
  ofSources<Value>(
    name: string,
    everyMs: number,
    ask: (source: OpenSource) => Promise<Value>,
  ): Promise<readonly Snapshot<Value>[]>;
  /** The same of the central store. */
  ofCentral<Value>(
    name: string,
    everyMs: number,
    ask: (central: Pool) => Promise<Value>,
  ): Promise<Snapshot<Value>>;
  /** Gives up what is being asked, and waits until no connection is open. */
  stop(): Promise<void>;
}

/** How long whoever asks waits for something newer than there is, in milliseconds. */
const waitMs = 200;

/** Connections to one database at the same time, beside those of pages. */
const turnsOfSnapshots = 3;

/** Names that are kept at most: some are of queries, of which there are many. */
const mostKept = 2_000;

interface Kept {
  name: string;
  sourceId: string | undefined;
  value: unknown;
  at: number | undefined;
  silence: string | undefined;
  /** When the last asking ended, by the monotonic clock. */
  endedAt: number | undefined;
  running: Promise<void> | undefined;
}

export function createSnapshots({ sourceUrls, centralUrl }: Logins, asking: AskOptions): Snapshots {
  const kept = new Map<string, Kept>();
  const ended = new AbortController();
  const gate = createGate(sourcesAtATime, { yieldsAfterMs: 1_000 });
  const names = new Map<string, { readonly name: string; readonly sourceId: string }>();
  const limits = { ...asking, signal: ended.signal, takeTurn: createTurns(turnsOfSnapshots) };

  function keep(key: string, name: string): Kept {
    const found = kept.get(key);
    const one: Kept = found ?? {
      ...{ name, sourceId: undefined, value: undefined, at: undefined, silence: undefined },
      ...{ endedAt: undefined, running: undefined },
    };
    kept.delete(key);
    kept.set(key, one);
    const [oldest] = kept.keys();
    if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
    return one;
  }

  /** Asks, unless that was done a moment ago or is being done. */
  function refresh(one: Kept, everyMs: number, ask: () => Promise<Said>): void {
    const isFresh = one.endedAt !== undefined && performance.now() - one.endedAt < everyMs;
    if (isFresh || one.running !== undefined || ended.signal.aborted) return;
    one.running = gate
      .run(ask)
      .then(
        (said) => {
          if ("value" in said) Object.assign(one, { ...said, at: Date.now(), silence: undefined });
          else one.silence = said.silence;
        },
        (error: unknown) => {
          one.silence = wordsOf(error);
        },
      )
      .finally(() => {
        one.endedAt = performance.now();
        one.running = undefined;
      });
  }

  async function wait(all: readonly Kept[]): Promise<void> {
    const running = all.flatMap((one) => (one.running === undefined ? [] : [one.running]));
    if (running.length > 0) await settledWithin(Promise.all(running), waitMs);
  }

  const shown = <Value>(one: Kept): Snapshot<Value> => ({
    name: one.name,
    sourceId: one.sourceId,
    value: one.value as Value | undefined,
    at: one.at === undefined ? undefined : new Date(one.at),
    silence: one.silence,
    isWaiting: one.endedAt === undefined,
  });

  return {
    async ofSources(name, everyMs, ask) {
      const all = sourceUrls.map((url) => {
        const one = keep(`${name} ${url}`, names.get(url)?.name ?? withoutSecrets(url));
        refresh(one, everyMs, async () => {
          const said = await askSources([url], limits, async (source) => {
            names.set(url, source);
            return {
              value: await ask(source),
              name: source.name,
              sourceId: source.sourceId as string | undefined,
            };
          });
          return saidOf(said);
        });
        return { url, one };
      });
      await wait(all.map(({ one }) => one));
      return all.map(({ url, one }) => {
        const known = names.get(url);
        if (known !== undefined) Object.assign(one, { name: known.name, sourceId: known.sourceId });
        return shown(one);
      });
    },
    async ofCentral(name, everyMs, ask) {
      const address = withoutSecrets(centralUrl);
      const one = keep(`${name} central`, address);
      refresh(one, everyMs, async () => {
        const said = await askDatabase(centralUrl, limits, address, async (central) => ({
          value: await ask(central),
          name: address,
          sourceId: undefined as string | undefined,
        }));
        return saidOf(said);
      });
      await wait([one]);
      return shown(one);
    },
    async stop() {
      ended.abort();
      await Promise.all([...kept.values()].map(({ running }) => running));
    },
  };
}

type Said =
  | { readonly value: unknown; readonly name: string; readonly sourceId: string | undefined }
  | { readonly silence: string };

function saidOf({
  answers,
  unreachable,
  failed,
}: {
  readonly answers: readonly Exclude<Said, { readonly silence: string }>[];
  readonly unreachable: readonly Silence[];
  readonly failed: readonly Silence[];
}): Said {
  const [answer] = answers;
  if (answer !== undefined) return answer;
  const [silent] = [...unreachable, ...failed];
  return { silence: withoutContents(silent?.reason ?? "it did not answer") };
}

/** Those that have answered, with their answers. */
export function answered<Value>(
  snapshots: readonly Snapshot<Value>[],
): readonly (Snapshot<Value> & { readonly value: Value; readonly at: Date })[] {
  return snapshots.filter(
    (one): one is Snapshot<Value> & { readonly value: Value; readonly at: Date } =>
      one.value !== undefined && one.at !== undefined,
  );
}

/** Those of which nothing new is known, and why: what a notice names. */
export function silences(snapshots: readonly Snapshot<unknown>[]): readonly Silence[] {
  return snapshots.flatMap(({ name, silence, isWaiting }) => {
    if (silence !== undefined) return [{ source: name, reason: silence }];
    return isWaiting ? [{ source: name, reason: "no answer yet; look again in a moment" }] : [];
  });
}

/** When the oldest answer came. */
export function oldestAt(snapshots: readonly Snapshot<unknown>[]): Date | undefined {
  const times = answered(snapshots).map(({ at }) => at.getTime());
  return times.length === 0 ? undefined : new Date(Math.min(...times));
}
