import type { Load } from "../load/load.ts";
import type { LoadMessage } from "../load/message.ts";
import type { Databases } from "../servers/prepare-databases.ts";
import { CentralModel, fingerprintOf, keyOf } from "./central-model.ts";
import { compareStores, type RowDifference } from "./compare-stores.ts";
import { jsonbText } from "./jsonb-text.ts";
import { countLeftAttempts, judgeLedger } from "./judge-ledger.ts";
import { type Outcomes, readOutcomes, type Trace } from "./read-outcomes.ts";
import { readStore } from "./read-store.ts";

export interface Judgement {
  /** Everything that is not as the messages make it, in words; empty where all is well. */
  readonly differences: readonly string[];
  readonly merged: number;
  /** How many dead letters there are of each reason, and how many there should be. */
  readonly deadLetters: ReadonlyMap<string, { readonly found: number; readonly expected: number }>;
  /** The most deliveries that a message took which was merged. */
  readonly mostDeliveries: number;
  /** Attempts that are still recorded although their messages are decided. */
  readonly leftAttempts: number;
}

export interface JudgeOptions {
  readonly load: Load;
  readonly databases: Databases;
  readonly maxAttempts: number;
}

/**
 * Compares everything that the system holds with what the messages make of it: each message in exactly
 * one archive or one dead letter, for the right reason; each row of the central store; the ledger.
 */
export async function judge(options: JudgeOptions): Promise<Judgement> {
  const { load, databases, maxAttempts } = options;
  const outcomes = await Promise.all(databases.sources.map(readOutcomes));
  const model = new CentralModel(databases.sources.map(({ sourceId }) => sourceId));
  const differences = outcomes.flatMap(({ strangers }) =>
    strangers.map((stranger) => `nobody sent ${stranger}`),
  );
  const deadLetters = new Map<string, { found: number; expected: number }>();
  const counted = (reason: string) => {
    const counts = deadLetters.get(reason) ?? { found: 0, expected: 0 };
    deadLetters.set(reason, counts);
    return counts;
  };
  const mistakes = new Map<string, string[]>();
  let merged = 0;
  let mostDeliveries = 0;
  for (let number = 0; number < load.count; number++) {
    const message = load.message(number);
    if (message.effect !== undefined) model.add({ source: message.source, effect: message.effect });
    if (message.fate !== "merged") counted(message.fate).expected += 1;
    const traces = outcomes[message.source]?.traces.get(number) ?? [];
    for (const { place, letter, deliveries } of traces) {
      if (letter !== undefined) counted(letter.reason).found += 1;
      if (place !== "archive") continue;
      merged += 1;
      mostDeliveries = Math.max(mostDeliveries, deliveries);
    }
    for (const { kind, text } of judgeMessage(message, outcomes[message.source], maxAttempts)) {
      addTo(mistakes, kind, text);
    }
  }
  for (const [kind, texts] of mistakes) {
    differences.push(...texts.slice(0, mostOfAKind));
    const more = texts.length - mostOfAKind;
    if (more > 0) differences.push(`and ${more} more messages that are ${kind}`);
  }
  const rows = compareStores(model.content(), await readStore(databases.central));
  differences.push(...explain(rows, load, outcomes, databases));
  differences.push(...(await judgeLedger(load, outcomes, databases)));
  const leftAttempts = await countLeftAttempts(databases);
  return { differences, merged, deadLetters, mostDeliveries, leftAttempts };
}

/** Of mistakes of the same kind, so many are told in full. */
const mostOfAKind = 8;

interface Mistake {
  /** What it has in common with others, as the end of a sentence about messages. */
  readonly kind: string;
  readonly text: string;
}

/** What is wrong with where one message ended. */
function judgeMessage(
  message: LoadMessage,
  outcomes: Outcomes | undefined,
  maxAttempts: number,
): Mistake[] {
  const { number, fate } = message;
  const sent = outcomes?.sent.get(number);
  if (sent === undefined)
    return [{ kind: "not sent", text: `${nameMessage(message)} was not sent` }];
  const traces = outcomes?.traces.get(number) ?? [];
  const name = `${nameMessage(message)} (msg_id ${sent.msgId})`;
  const expected = fate === "merged" ? "in the archive" : `dead-lettered as ${fate}`;
  const mistake = (found: string, about = "") => ({
    kind: `${found}, expected ${expected}`,
    text: `${name} is ${found}${about}, expected ${expected}`,
  });
  const [trace] = traces;
  if (trace === undefined) return [mistake("lost")];
  if (traces.length > 1) return [mistake(traces.map(namePlace).join(" and "))];
  const mistakes: Mistake[] = [];
  const where = namePlace(trace);
  if (where !== expected) mistakes.push(mistake(where, tellOf(trace)));
  if (trace.msgId !== sent.msgId || trace.enqueuedAt !== sent.enqueuedAt) {
    mistakes.push(mistake("under another identity", ` (${trace.msgId}, ${trace.enqueuedAt})`));
  }
  const { letter } = trace;
  if (letter !== undefined && letter.original !== jsonbText(message.body)) {
    mistakes.push(mistake("changed in its dead letter"));
  }
  if (letter?.reason === "failed" && letter.attempts < maxAttempts) {
    mistakes.push(mistake("dead-lettered too early", `, with ${letter.attempts} attempts`));
  }
  return mistakes;
}

function addTo<Key, Item>(groups: Map<Key, Item[]>, key: Key, item: Item): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [item]);
  else group.push(item);
}

function namePlace({ place, letter }: Trace): string {
  if (place === "archive") return "in the archive";
  return letter === undefined ? "still in its queue" : `dead-lettered as ${letter.reason}`;
}

function tellOf({ deliveries, letter }: Trace): string {
  const code = letter === undefined ? "" : `, ${letter.code}`;
  return ` (after ${deliveries} deliveries${code})`;
}

function nameMessage({ number, source, queue }: LoadMessage): string {
  return `message ${number} of source-${source + 1} in ${queue}`;
}

const mostExplained = 20;
const mostNamed = 8;

/** Adds to each row which messages it was made of, the suspicious ones (delivered more than once) first. */
function explain(
  rows: readonly RowDifference[],
  load: Load,
  outcomes: readonly Outcomes[],
  { sources }: Databases,
): string[] {
  const explained = new Map(
    rows.slice(0, mostExplained).map((row) => [keyOfRow(row), [] as Suspect[]]),
  );
  if (explained.size > 0) {
    for (let number = 0; number < load.count; number++) {
      const message = load.message(number);
      const sourceId = sources[message.source]?.sourceId ?? "";
      for (const key of rowsOf(message, sourceId)) {
        const [trace] = outcomes[message.source]?.traces.get(number) ?? [];
        explained.get(key)?.push({ number, deliveries: trace?.deliveries ?? 0 });
      }
    }
  }
  return rows.map((row) => {
    const suspects = explained.get(keyOfRow(row));
    return suspects === undefined ? row.text : `${row.text}; ${nameSuspects(suspects)}`;
  });
}

interface Suspect {
  readonly number: number;
  readonly deliveries: number;
}

function keyOfRow({ table, key }: Pick<RowDifference, "table" | "key">): string {
  return keyOf(table, key);
}

/** The rows of the central store that a message has a part in. */
function rowsOf({ effect }: LoadMessage, sourceId: string): string[] {
  if (effect === undefined) return [];
  if (effect.kind === "session") return [keyOf("agent_sessions", sourceId, effect.sessionId)];
  if (effect.kind === "knowledge") {
    return [
      keyOf("knowledge_summaries", sourceId, String(effect.updatedAt)),
      ...effect.agents.map(({ agentId }) => keyOf("agent_knowledge", sourceId, agentId)),
    ];
  }
  const fingerprint = fingerprintOf(effect.pattern);
  return [
    keyOf("patterns", fingerprint),
    keyOf("pattern_sources", fingerprint, sourceId),
    keyOf("pattern_agents", fingerprint, sourceId, effect.agentId),
  ];
}

function nameSuspects(suspects: readonly Suspect[]): string {
  if (suspects.length === 0) return "no message has a part in it";
  const ordered = suspects.toSorted((a, b) => b.deliveries - a.deliveries);
  const named = ordered
    .slice(0, mostNamed)
    .map(
      ({ number, deliveries }) => `${number}${deliveries > 1 ? ` (read ${deliveries} times)` : ""}`,
    );
  const more = ordered.length - named.length;
  return `message ${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
