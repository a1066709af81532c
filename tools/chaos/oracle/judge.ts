import type { Load } from "../load/load.ts";
import type { Databases } from "../servers/prepare-databases.ts";
import { CentralModel } from "./central-model.ts";
import { compareStores } from "./compare-stores.ts";
import { explainRows } from "./explain-rows.ts";
import { countLeftAttempts, judgeLedger } from "./judge-ledger.ts";
import { judgeMessage } from "./judge-message.ts";
import { readOutcomes } from "./read-outcomes.ts";
import { readStore } from "./read-store.ts";

export interface CheckResult {
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
export async function judge(options: JudgeOptions): Promise<CheckResult> {
  const { load, databases, maxAttempts } = options;
  const outcomes = await Promise.all(databases.sources.map(readOutcomes));
  const model = new CentralModel(databases.sources);
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
    model.add(message);
    if (message.outcome !== "merged") counted(message.outcome).expected += 1;
    const traces = outcomes[message.source]?.traces.get(number) ?? [];
    for (const { place, deadLetter, deliveries } of traces) {
      if (deadLetter !== undefined) counted(deadLetter.reason).found += 1;
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
  differences.push(...explainRows(rows, load, outcomes, databases));
  differences.push(...(await judgeLedger(load, outcomes, databases)));
  const leftAttempts = await countLeftAttempts(databases);
  return { differences, merged, deadLetters, mostDeliveries, leftAttempts };
}

/** Of mistakes of the same kind, so many are told in full. */
const mostOfAKind = 8;

function addTo<Key, Item>(groups: Map<Key, Item[]>, key: Key, item: Item): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [item]);
  else group.push(item);
}
