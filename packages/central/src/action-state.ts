/** Where an operator's action is. */
export type ActionState = "planned" | "running" | "paused" | "cancelled" | "done" | "failed";

/** What may happen to it: by its runner, or by an operator. */
export type ActionVerb = "start" | "pause" | "resume" | "cancel" | "finish" | "fail";

/** What an operator may ask for. */
export type ControlVerb = Extract<ActionVerb, "pause" | "resume" | "cancel">;

/**
 * What follows on what; a verb that is not there can't be. `central.next_action_state` has the same table.
 * One that was cancelled may be started: its figures have yet to be made final.
 */
const transitions: Readonly<
  Record<ActionState, Readonly<Partial<Record<ActionVerb, ActionState>>>>
> = {
  planned: { start: "running", pause: "paused", cancel: "cancelled", fail: "failed" },
  running: {
    start: "running",
    pause: "paused",
    cancel: "cancelled",
    finish: "done",
    fail: "failed",
  },
  paused: { resume: "running", cancel: "cancelled", finish: "done", fail: "failed" },
  failed: { resume: "running", cancel: "cancelled" },
  cancelled: { start: "cancelled" },
  done: {},
};

export const actionStates = Object.keys(transitions) as readonly ActionState[];

export const actionVerbs: readonly ActionVerb[] = [
  "start",
  "pause",
  "resume",
  "cancel",
  "finish",
  "fail",
];

/** The state after a verb; undefined where it can't be. */
export function nextState(state: ActionState, verb: ActionVerb): ActionState | undefined {
  return transitions[state][verb];
}
