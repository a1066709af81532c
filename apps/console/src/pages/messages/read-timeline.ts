import { askSources, defaultTimeoutS, sourcesAtATime } from "@centralcloud/inspect";
import { createPool, endPool, withoutSecrets } from "@centralcloud/postgres";
import type { Silence } from "@centralcloud/service";
import { type Trace, type TraceOptions, type TraceQuestion, trace } from "@centralcloud/trace";
import { explainRecord } from "../../acting/record.ts";
import type { Viewer } from "../../auth/rights.ts";
import { applicationName, type Databases } from "../../reading/databases.ts";

/** Events of one page: the newest. */
export const mostEvents = 200;

export interface TimelineRequest {
  /** Who looks: what operators did, and the change log, takes the right `audit`. */
  readonly viewer: Pick<Viewer, "rights">;
  readonly question: TraceQuestion;
  /** Names, ids or addresses of the sources that are meant; default: all. */
  readonly sources?: readonly string[] | undefined;
  /** Shows contents; put on record before they are read. */
  readonly reveal?: NonNullable<TraceOptions["reveal"]>;
  readonly limit?: number;
}

/**
 * One timeline of all that is known of a message, an agent or a session. Databases that are away are named in it, the
 * central store among them.
 *
 * @throws {ConfigurationError} where a source is named that does not exist.
 */
export async function readTimeline(
  { sourceUrls, centralUrl, asking }: Pick<Databases, "sourceUrls" | "centralUrl" | "asking">,
  { viewer, question, sources, reveal, limit = mostEvents }: TimelineRequest,
): Promise<Trace> {
  const timeoutS = asking.timeout ?? asking.mostS ?? defaultTimeoutS;
  const { signal, takeTurn } = asking;
  const endTurn = await takeTurn?.(centralUrl, signal ?? new AbortController().signal);
  const central = createPool(centralUrl, {
    applicationName,
    max: 2,
    queryTimeoutMs: timeoutS * 1_000 + 2_000,
  });
  const chosen = sources === undefined ? {} : { source: sources };
  try {
    const found = await trace(question, {
      central,
      centralName: withoutSecrets(centralUrl),
      timeoutMs: timeoutS * 1_000,
      limit,
      rounds: sources === undefined ? Math.ceil(sourceUrls.length / sourcesAtATime) : 1,
      ...(signal === undefined ? {} : { signal }),
      ...(sources === undefined ? {} : { sources }),
      ...(reveal === undefined ? {} : { reveal }),
      askSources: (ask) =>
        askSources(sourceUrls, { ...asking, ...chosen }, (one) =>
          ask({ sourceId: one.sourceId, name: one.name, pool: one.pool }, one.signal),
        ),
    });
    return viewer.rights.has("audit") ? found : withoutAudit(found);
  } catch (error) {
    throw reveal === undefined ? error : explainRecord(error);
  } finally {
    await endPool(central, 0);
    endTurn?.();
  }
}

function withoutAudit(found: Trace): Trace {
  const events = found.events.filter(({ where }) => where !== "action" && where !== "change-log");
  const why = "what operators did, and the change log: to see them takes the right audit";
  return {
    ...found,
    events,
    unknown: [...found.unknown, { from: null, to: null, why, source: null }],
  };
}

/** A timeline of one queue's messages alone: ids repeat between queues. */
export function ofQueue(found: Trace, queue: string): Trace {
  const events = found.events.filter((event) => event.queue === undefined || event.queue === queue);
  return { ...found, events };
}

export function silencesOf({ unreachable, failed }: Trace): readonly Silence[] {
  return [...unreachable, ...failed];
}
