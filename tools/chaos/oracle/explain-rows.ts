import type { Load } from "../load/load.ts";
import type { LoadMessage } from "../load/message.ts";
import { chaosQueue } from "../queues.ts";
import type { Databases } from "../servers/prepare-databases.ts";
import type { RowDifference } from "./compare-stores.ts";
import type { Outcomes } from "./read-outcomes.ts";
import { keyOf } from "./store-content.ts";

const mostExplained = 20;
const mostNamed = 8;

/** Adds to each row which messages it was made of, those delivered more than once first. */
export function explainRows(
  rows: readonly RowDifference[],
  load: Load,
  outcomes: readonly Outcomes[],
  { sources }: Databases,
): string[] {
  const explained = new Map(
    rows.slice(0, mostExplained).map((row) => [keyOfRow(row), [] as Contributor[]]),
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
    const contributors = explained.get(keyOfRow(row));
    return contributors === undefined ? row.text : `${row.text}; ${nameContributors(contributors)}`;
  });
}

interface Contributor {
  readonly number: number;
  readonly deliveries: number;
}

function keyOfRow({ table, key }: Pick<RowDifference, "table" | "key">): string {
  return keyOf(table, key);
}

/** The rows of the central store that a message has a part in. */
function rowsOf({ queue, effect }: LoadMessage, sourceId: string): readonly string[] {
  if (effect === undefined) return [];
  return chaosQueue(queue)
    .rowsOf(effect, sourceId)
    .map((row) => keyOf(...row));
}

function nameContributors(contributors: readonly Contributor[]): string {
  if (contributors.length === 0) return "no message has a part in it";
  const ordered = contributors.toSorted((a, b) => b.deliveries - a.deliveries);
  const named = ordered
    .slice(0, mostNamed)
    .map(
      ({ number, deliveries }) => `${number}${deliveries > 1 ? ` (read ${deliveries} times)` : ""}`,
    );
  const more = ordered.length - named.length;
  return `message ${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
