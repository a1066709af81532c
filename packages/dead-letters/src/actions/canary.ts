import type { ActionName } from "@centralcloud/central";
import type { Place } from "../place.ts";
import { addOutcomes, type DeathAgain, readOutcome } from "./outcome.ts";
import { readProgress } from "./progress.ts";
import type { Canary } from "./run-action.ts";

/** How many go first where nobody says how many. */
export const canaryDefault = 10;

/** The first few messages of a replay: the rest follows once each of them was merged, and stays if one comes back. */
export function createCanary(action: ActionName, places: readonly Place[], count: number): Canary {
  return {
    count,
    async judge() {
      const outcomes = [];
      for (const place of places) {
        const progress = await readProgress(place, action);
        if (progress === undefined || progress.moved === 0) continue;
        const { startedAt } = progress;
        outcomes.push(await readOutcome({ place, actionId: action.id, startedAt }));
      }
      const { sent, waiting, deadLettered, again } = addOutcomes(outcomes);
      if (deadLettered === 0) return { waiting, stop: undefined };
      const stop = `${deadLettered} of the first ${sent} were dead-lettered again: ${again.map(describe).join(", ")}`;
      return { waiting, stop };
    },
  };
}

function describe({ reason, code, count }: DeathAgain): string {
  return `${count} × ${[reason, code].filter((one) => one !== null).join(" ")}`;
}
