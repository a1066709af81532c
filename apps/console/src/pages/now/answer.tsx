import type { ActionSummary, ReplicaReport } from "@centralcloud/central";
import type { DeadLetterGroup } from "@centralcloud/dead-letters";
import { shorten } from "@centralcloud/service";
import type { ComponentChildren, VNode } from "preact";
import { Age, durationText, plural, Text, type Tone } from "../../kit/figures.tsx";
import { hrefTo } from "../../routing/links.ts";
import type { QueueRow } from "../queues/queues.tsx";

/** What the sentence is made of. */
export interface Facts {
  readonly sourceCount: number;
  /** Those that have not answered yet, and nothing speaks against them. */
  readonly waitingCount: number;
  /** Those that could not be asked. */
  readonly silentCount: number;
  readonly queues: readonly QueueRow[];
  readonly groups: readonly DeadLetterGroup[];
  readonly jobs: readonly { readonly source: string; readonly job: string }[];
  /** Undefined where the central store does not answer. */
  readonly central:
    | {
        readonly replicas: readonly ReplicaReport[];
        readonly actions: readonly ActionSummary[];
        readonly missing: readonly {
          readonly source: string;
          readonly queue: string;
          readonly count: number;
        }[];
      }
    | undefined;
  readonly centralIsWaiting: boolean;
}

/** Longer than this, a message that waits is worth a word, in seconds. */
const longWaitS = 300;

/** Dead letters as new as this are an incident and not a remainder, in milliseconds. */
const newMs = 3_600_000;

/** A sentence of the answer, and how bad it is. */
interface Clause {
  readonly tone: Tone;
  readonly words: ComponentChildren;
}

/** What there is to say, the worst first, each with where it leads. */
export function clausesOf(facts: Facts, now: Date): readonly Clause[] {
  return [
    ...missingMessages(facts),
    ...silentDatabases(facts),
    ...deadLetters(facts, now),
    ...consumers(facts),
    ...backlog(facts),
    ...lateJobs(facts),
    ...unfinishedActions(facts),
  ];
}

/** The answer of the first screen, in words. */
export function Answer({ facts, now }: { readonly facts: Facts; readonly now: Date }): VNode {
  const clauses = clausesOf(facts, now);
  const tones: readonly Tone[] = ["bad", "warning", "good"];
  const tone = tones.find((one) => clauses.some((clause) => clause.tone === one)) ?? "quiet";
  return (
    <section class={`answer ${tone}`} aria-label="How things are">
      {clauses.map(({ words }, index) => (
        <p key={index}>{words}</p>
      ))}
    </section>
  );
}

function missingMessages({ central }: Facts): Clause[] {
  const missing = central?.missing ?? [];
  if (missing.length === 0) return [];
  const count = missing.reduce((sum, one) => sum + one.count, 0);
  const [first] = missing;
  const words = (
    <>
      <strong>{plural(count, "message")}</strong> that were archived are missing in the central
      store, of <Text>{first?.source ?? ""}</Text>
      {missing.length > 1 ? " and others" : ""}: <a href="/doctor">the doctor says what to do</a>.
    </>
  );
  return [{ tone: "bad", words }];
}

function silentDatabases(facts: Facts): Clause[] {
  const { silentCount, sourceCount, central, centralIsWaiting, waitingCount } = facts;
  const clauses: Clause[] = [];
  if (silentCount > 0) {
    const words = (
      <>
        <a href="/sources">
          {silentCount} of {plural(sourceCount, "source")}
        </a>{" "}
        {silentCount === 1 ? "does" : "do"} not answer; what follows is of the others.
      </>
    );
    clauses.push({ tone: "bad", words });
  }
  if (central === undefined && !centralIsWaiting) {
    const words = <>The central store does not answer: nothing is merged until it does.</>;
    clauses.push({ tone: "bad", words });
  }
  if (waitingCount > 0) {
    const words = <>{plural(waitingCount, "source")} still being asked.</>;
    clauses.push({ tone: "quiet", words });
  }
  return clauses;
}

function deadLetters({ queues, groups, central }: Facts, now: Date): Clause[] {
  const count = queues.reduce((sum, row) => sum + row.deadLetters, 0);
  const lead = central?.missing.length === 0 ? <strong>Nothing is lost.</strong> : null;
  if (queues.length === 0) return [];
  if (count === 0) return [{ tone: "good", words: <>{lead} There is no dead letter.</> }];
  const [largest] = groups;
  const since = groups.map(({ oldestAt }) => oldestAt).toSorted()[0] ?? null;
  const isNew = groups.some(({ newestAt }) => now.getTime() - Date.parse(newestAt) < newMs);
  const words = (
    <>
      {lead} <a href="/dead-letters/groups">{plural(count, "dead letter")}</a>
      {since !== null && (
        <>
          , the first <Age at={since} />
        </>
      )}
      {largest !== undefined && <Cause group={largest} groupCount={groups.length} />}.
    </>
  );
  return [{ tone: isNew ? "bad" : "warning", words }];
}

function Cause({
  group,
  groupCount,
}: {
  readonly group: DeadLetterGroup;
  readonly groupCount: number;
}) {
  const { fingerprint, sources, error, code, reason } = group;
  const what = shorten(error ?? code ?? reason ?? "no error is told", 140);
  const [source] = sources;
  return (
    <>
      , {groupCount === 1 ? "one cause" : `${groupCount} causes, most of them`}:{" "}
      <a href={hrefTo("/dead-letters/groups/{fingerprint}", { fingerprint })}>
        <Text>{what}</Text>
      </a>
      , from{" "}
      {sources.length === 1 && source !== undefined ? (
        <Text>{source.source}</Text>
      ) : (
        plural(sources.length, "source")
      )}
    </>
  );
}

/** What a replica says that keeps it from its work. */
function hasFault({ readiness }: ReplicaReport): boolean {
  if (readiness === null) return false;
  const { central, sources } = readiness;
  return (
    central !== undefined ||
    sources.some(
      ({ waitingFor, lanes }) =>
        waitingFor !== undefined || lanes.some(({ fault }) => fault !== undefined),
    )
  );
}

function consumers({ central }: Facts): Clause[] {
  if (central === undefined) return [];
  const live = central.replicas.filter(({ state }) => state === "live");
  const link = (words: string) => <a href="/consumers">{words}</a>;
  if (live.length === 0) {
    return [
      { tone: "bad", words: <>{link("No consumer")} works: messages wait in their queues.</> },
    ];
  }
  const faulty = live.filter(hasFault).length;
  if (faulty > 0) {
    const words = (
      <>
        {link(`${faulty} of ${plural(live.length, "consumer")}`)} {faulty === 1 ? "says" : "say"}{" "}
        what keeps {faulty === 1 ? "it" : "them"} from working.
      </>
    );
    return [{ tone: "warning", words }];
  }
  const all = live.length === 1 ? "The consumer works" : `All ${live.length} consumers work`;
  return [{ tone: "good", words: <>{link(all)}.</> }];
}

function backlog({ queues }: Facts): Clause[] {
  const late = queues.filter(({ oldestAgeSeconds }) => (oldestAgeSeconds ?? 0) > longWaitS);
  const [longest] = late.toSorted(
    (one, other) => (other.oldestAgeSeconds ?? 0) - (one.oldestAgeSeconds ?? 0),
  );
  if (longest === undefined) return [];
  const { queue, source, oldestAgeSeconds } = longest;
  const words = (
    <>
      In <a href={hrefTo("/queues/{queue}/{source}", { queue, source })}>{queue}</a> of{" "}
      <Text>{source}</Text>, a message waits for {durationText(oldestAgeSeconds ?? 0)}
      {late.length > 1 && <>; {late.length - 1} more of the queues are late</>}.
    </>
  );
  return [{ tone: "warning", words }];
}

function lateJobs({ jobs }: Facts): Clause[] {
  const [first] = jobs;
  if (first === undefined) return [];
  const words = (
    <>
      <a href="/jobs">{plural(jobs.length, "job")}</a> did not run as{" "}
      {jobs.length === 1 ? "it" : "they"} should
      {jobs.length === 1 && (
        <>
          : <Text>{first.job}</Text> of <Text>{first.source}</Text>
        </>
      )}
      .
    </>
  );
  return [{ tone: "warning", words }];
}

function unfinishedActions({ central }: Facts): Clause[] {
  const actions = central?.actions ?? [];
  const [first] = actions;
  if (first === undefined) return [];
  const { id, kind, state, moved, expected } = first;
  const words = (
    <>
      <a href={hrefTo("/actions/{id}", { id })}>
        A {kind} is {state}
      </a>
      {expected !== null &&
        `: ${moved.toLocaleString("en-US")} of ${expected.toLocaleString("en-US")}`}
      {actions.length > 1 && (
        <>
          , and <a href="/actions">{plural(actions.length - 1, "more action")}</a> not done
        </>
      )}
      .
    </>
  );
  return [{ tone: state === "failed" ? "warning" : "info", words }];
}
