import type { PlannedPart } from "@centralcloud/central";
import type { ActionPartOf, ActionStep } from "./run-action.ts";

/** How many messages an action is for. */
export function expectedOf(parts: readonly PlannedPart[]): number {
  return parts.reduce((sum, { expected }) => sum + expected, 0);
}

/** What the row of an action keeps of its parts, and of how many messages each is. One source is asked after the other. */
export async function planParts<Selection>(
  parts: readonly ActionPartOf<Selection>[],
  step: ActionStep<Selection>,
): Promise<readonly PlannedPart[]> {
  const planned: PlannedPart[] = [];
  for (const { place, selection } of parts) {
    const { sourceId, name } = place.source;
    const { remaining } = await step.countLeft(place, selection);
    const part = { sourceId, sourceName: name, queue: place.queue };
    const kept = selection as Readonly<Record<string, unknown>>;
    planned.push({ ...part, selection: kept, expected: remaining });
  }
  return planned;
}
