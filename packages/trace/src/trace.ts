import { type ActionRequest, NotACentralStoreError } from "@centralcloud/central";
import { type DeadLetterSource, recordAction } from "@centralcloud/dead-letters";
import { classifyFault, codeOf, messageOf } from "@centralcloud/postgres";
import {
  type Answers,
  isSettledWithin,
  NoAnswerError,
  type Silence,
  withoutContents,
} from "@centralcloud/service";
import type { Pool, QueryResultRow } from "pg";
import { Budget, BudgetSpentError } from "./budget.ts";
import { CentralReader } from "./central-reader.ts";
import type { Told, Trace, Unknown, Where } from "./event.ts";
import { masked } from "./mask.ts";
import { eventsOf, type Message, messagesOf, notedDeaths } from "./messages.ts";
import type { TraceQuestion } from "./question.ts";
import { readActions } from "./read-actions.ts";
import { readChanges, readChangesOf } from "./read-changes.ts";
import { type CapturedSource, readGaps } from "./read-gaps.ts";
import { readLedger, readMerged } from "./read-ledger.ts";
import { readSource, type SourceAnswer } from "./read-source.ts";
import { readContents, readSubject } from "./read-store.ts";
import { capturedOf, chosen, isMeant, spanOf, unknownOf } from "./relevant.ts";

export interface TraceOptions {
  /** Asks each source that is meant the same, several at a time; the signal is aborted when one has had its time. */
  readonly askSources: <Result>(
    ask: (source: DeadLetterSource, signal: AbortSignal) => Promise<Result>,
  ) => Promise<Answers<Result>>;
  readonly central: Pool;
  /** What the central store is called where it can't be asked; default: that. */
  readonly centralName?: string;
  /** Milliseconds that each database may take. */
  readonly timeoutMs: number;
  /** How many sources share the time, since they are asked one after the other. */
  readonly rounds?: number;
  /** Names or ids of the sources that are meant; default: all. */
  readonly sources?: readonly string[];
  /** Events at most: the newest of them; default: 500. */
  readonly limit?: number;
  /** Shows contents, too; entered in `central.operator_actions` before they are read. */
  readonly reveal?: ActionRequest;
  readonly signal?: AbortSignal;
}

const defaultLimit = 500;

/** The part of a source's time that is spent on asking it; the rest is for connecting, and for what takes longer. */
const askingPart = 0.85;

/**
 * One timeline of all that is known of a message, an agent or a session, and of what is not known any more. Contents are
 * masked, unless they are to be revealed. Changes nothing but the record of that.
 *
 * With times, a message that anything happened to then is told whole, from when it was sent to what became of it.
 *
 * @throws {MissingRightsError} where contents are to be revealed, and the login may not have that recorded.
 */
export async function trace(question: TraceQuestion, options: TraceOptions): Promise<Trace> {
  const { central, reveal, sources } = options;
  if (reveal === undefined) return await gather(question, options);
  const { subject, window } = question;
  return await recordAction(central, {
    kind: "reveal",
    request: reveal,
    selection: { ...subject, ...window, ...(sources === undefined ? {} : { sources }) },
    work: () => gather(question, options),
    failureOf: () => undefined,
  });
}

async function gather(question: TraceQuestion, options: TraceOptions): Promise<Trace> {
  const { subject, window } = question;
  const { timeoutMs, signal, rounds = 1, askSources } = options;
  const silences = new Silences(options.centralName ?? "the central store");
  const central = new CentralReader(options.central, window, new Budget(timeoutMs, signal));
  const known = await silences.unless(timeoutMs, () => readBefore(central, question, options));
  const asked = await askSources<SourceAnswer & CapturedSource>(async (source, late) => {
    const budget = new Budget((timeoutMs * askingPart) / rounds, late);
    const answer = await readSource(source, { question, hints: central.hints, budget });
    const { sourceId, name } = source;
    return { ...answer, sourceId, source: name, isInvolved: answer.rows.length > 0 };
  });
  const messages = chosen(
    messagesOf(
      asked.answers.flatMap(({ rows }) => rows),
      subject,
    ),
    window,
  );
  const told = ofMessages(messages);
  const before = central.events.splice(0).filter((one) => isMeant(one, messages, window));
  if (known !== undefined) {
    central.budget = new Budget(timeoutMs, signal);
    await silences.unless(timeoutMs, async () => {
      await central.partly("the ledger", () => readLedger(central, messages, told.attempts));
      if ("msgId" in subject) {
        await central.partly("the ledger", () => readMerged(central, subject.msgId, messages));
      }
      await readContents(central, messages);
      if ("msgId" in subject || "messageId" in subject) await readChangesOf(central, messages);
      await readActions(central, messages, window);
      const events = [...before, ...told.events, ...central.events];
      const span = isMessage(question) ? spanOf(events) : window;
      if (span !== undefined) await readGaps(central, capturedOf(asked.answers, events), span);
    });
  }
  return assemble(question, options, {
    events: [...before, ...told.events, ...central.events],
    unknown: [
      ...asked.answers.flatMap((one) => unknownOf(one, question, messages)),
      ...central.unknown,
    ],
    unreachable: [...asked.unreachable, ...silences.unreachable],
    failed: [...asked.failed, ...silences.failed],
  });
}

/** What the central store has, before any source is asked: it says where to look. */
async function readBefore(
  central: CentralReader,
  question: TraceQuestion,
  { sources }: TraceOptions,
): Promise<true> {
  const [store] = await central.ask<{ found: boolean }>(
    "select to_regclass('central.processed_messages') is not null as found",
    [],
  );
  if (!store?.found) throw new NotACentralStoreError();
  const rows = await central.ask<{ sourceId: string; name: string } & QueryResultRow>(
    `select s.source_id::text as "sourceId", s.name from central.sources s
      where s.name = any ($1::text[]) or s.source_id::text = any ($1::text[])`,
    [sources ?? []],
  );
  // An address is known to the configuration alone: then the sources say who they are.
  const isKnown = (name: string) => rows.some((row) => row.name === name || row.sourceId === name);
  if (sources?.every(isKnown)) central.sourceIds = rows.map(({ sourceId }) => sourceId);
  await readSubject(central, question);
  await readChanges(central, question);
  return true;
}

function isMessage({ subject }: TraceQuestion): boolean {
  return "msgId" in subject || "messageId" in subject;
}

function ofMessages(messages: readonly Message[]) {
  const attempts = notedDeaths(messages);
  return { attempts, events: messages.flatMap((message) => eventsOf(message, attempts)) };
}

/** Whether the central store could be asked. */
class Silences {
  readonly unreachable: Silence[] = [];
  readonly failed: Silence[] = [];
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  /** Does a part of the work; where the store can't be asked, that is noted, and the rest continues. */
  async unless<Result>(
    timeoutMs: number,
    work: () => Promise<Result>,
  ): Promise<Result | undefined> {
    try {
      const result = work();
      // A statement is ended by the server; a server that says nothing is left.
      if (!(await isSettledWithin(result, timeoutMs + graceMs)))
        throw new NoAnswerError(`within ${timeoutMs / 1_000} seconds`);
      return await result;
    } catch (error) {
      const { owner, scope } = classifyFault(error);
      const isLate = error instanceof BudgetSpentError || error instanceof NoAnswerError;
      if (!isLate && codeOf(error) === undefined) throw error;
      const isAway = isLate || (owner === "nobody" && scope === "database");
      const list = isAway ? this.unreachable : this.failed;
      list.push({ source: this.#name, reason: withoutContents(messageOf(error), codeOf(error)) });
      return undefined;
    }
  }
}

/** How long a server may take to end a statement. */
const graceMs = 500;

/** Of events of one moment, the cause comes before what it led to. */
const order: readonly Where[] = [
  "change-log",
  "queue",
  "attempt",
  "dead-letter",
  "ledger",
  "archive",
  "store",
  "action",
];

function assemble(
  { window }: TraceQuestion,
  { limit = defaultLimit, reveal }: TraceOptions,
  { events, unknown, unreachable, failed }: Told & Pick<Trace, "unreachable" | "failed">,
): Trace {
  const sorted = events.toSorted((one, other) =>
    one.at === other.at
      ? order.indexOf(one.where) - order.indexOf(other.where)
      : one.at < other.at
        ? -1
        : 1,
  );
  const shown = sorted.slice(-limit);
  const first = shown[0];
  const cut: Unknown[] =
    first === undefined || shown.length === sorted.length
      ? []
      : [
          {
            from: window.from,
            to: first.at,
            why: `${sorted.length - shown.length} older events are left out; give --limit more, or times`,
            source: null,
          },
        ];
  const silent = [...unreachable, ...failed].map(
    ({ source, reason }): Unknown => ({
      ...window,
      why: `${source} could not be asked: ${reason}`,
      source,
    }),
  );
  const unique = new Map(
    [...cut, ...unknown, ...silent].map((one) => [JSON.stringify(one), one] as const),
  );
  return {
    events: reveal === undefined ? shown.map(masked) : shown,
    unknown: [...unique.values()].toSorted((one, other) =>
      (one.from ?? "") < (other.from ?? "") ? -1 : (one.from ?? "") > (other.from ?? "") ? 1 : 0,
    ),
    window,
    unreachable,
    failed,
    revealed: reveal !== undefined,
  };
}
