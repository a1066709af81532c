import type { ClientBase, Pool } from "pg";
import type { ActionState, ActionVerb, ControlVerb } from "./action-state.ts";

/** What an operator is about to do. */
export interface ActionRequest {
  /** Who does it. */
  readonly actor: string;
  /** Why; must not be empty. */
  readonly reason: string;
  /** The user of the operating system. */
  readonly osUser?: string;
  /** From where it is asked for: `cli`, `console`. */
  readonly channel?: string;
  /** The same key again is the same action again. */
  readonly idempotencyKey?: string;
}

/** One queue of one source of an action that is planned. */
export interface PlannedPart {
  readonly sourceId: string;
  readonly sourceName: string;
  readonly queue: string;
  readonly selection: Readonly<Record<string, unknown>>;
  readonly expected: number;
}

export interface ActionPlan {
  readonly action: string;
  readonly request: ActionRequest;
  /** What it is done to, in the operator's words. */
  readonly selection: Readonly<Record<string, unknown>>;
  readonly parts: readonly PlannedPart[];
  /** Messages a second at most. */
  readonly rate?: number;
  /** How many go first, and whose outcome decides about the rest. */
  readonly canary?: number;
}

/** What tells an action from others: in the central store, and at its sources. */
export interface ActionName {
  /** In decimal digits. */
  readonly id: string;
  readonly key: string;
}

/** Enters an action before its first change; one whose idempotency key is known is that one again. */
export async function planAction(
  central: Pool,
  { action, request, selection, parts, rate, canary }: ActionPlan,
): Promise<ActionName & { readonly isNew: boolean }> {
  const { actor, reason, osUser, channel, idempotencyKey } = request;
  const given = parts.map((part) => ({
    source_id: part.sourceId,
    source_name: part.sourceName,
    queue: part.queue,
    selection: part.selection,
    expected: part.expected,
  }));
  const { rows } = await central.query<{ id: string; key: string; isNew: boolean }>(
    `select p.action_id::text as id, p.action_key::text as key, p.is_new as "isNew"
       from central.plan_operator_action(
              p_action => $1, p_actor => $2, p_reason => $3, p_selection => $4, p_parts => $5, p_os_user => $6,
              p_channel => $7, p_rate => $8, p_canary_count => $9, p_idempotency_key => $10) p`,
    [
      action,
      actor,
      reason,
      JSON.stringify(selection),
      JSON.stringify(given),
      osUser ?? null,
      channel ?? null,
      rate ?? null,
      canary ?? null,
      idempotencyKey ?? null,
    ],
  );
  return rows[0] as ActionName & { isNew: boolean };
}

/** How long a runner keeps an action that says nothing any more, in seconds. */
export const actionLeaseS = 10;

export interface ActionClaim {
  readonly isClaimed: boolean;
  readonly state: ActionState;
  /** Who has it; null where nobody does. */
  readonly runner: string | null;
  /** A later claim of the same action has a greater one; 0 in a store of the version before, which counts none. */
  readonly claimNumber: number;
}

/** Takes an action that waits for a runner; undefined where there is none of that id. */
export async function claimAction(
  central: Pool,
  id: string,
  runner: string,
): Promise<ActionClaim | undefined> {
  const { rows } = await central.query<ActionClaim>(
    `select c.is_claimed as "isClaimed", c.state, c.runner,
            coalesce((to_jsonb(c) ->> 'claim_number')::integer, 0) as "claimNumber"
       from central.claim_operator_action(p_action_id => $1, p_runner => $2, p_lease => make_interval(secs => $3)) c`,
    [id, runner, actionLeaseS],
  );
  return rows[0];
}

/** What the central store knows of an action's claims; undefined where it does not know the action. */
export async function readActionClaim(
  central: Pool,
  id: string,
): Promise<{ readonly key: string; readonly claimNumber: number } | undefined> {
  const { rows } = await central.query<{ key: string; claimNumber: number }>(
    `select a.action_key::text as key, coalesce((to_jsonb(a) ->> 'claim_count')::integer, 0) as "claimNumber"
       from central.operator_actions a where a.id = $1`,
    [id],
  );
  return rows[0];
}

/** Raises the number of a runner's claim above another one; undefined where the runner does not have the action. */
export async function raiseActionClaim(
  central: Pool,
  id: string,
  runner: string,
  above: number,
): Promise<number | undefined> {
  const { rows } = await central.query<{ number: number | null }>(
    "select central.raise_operator_action_claim(p_action_id => $1, p_runner => $2, p_above => $3) as number",
    [id, runner, above],
  );
  return rows[0]?.number ?? undefined;
}

/** What the source of a part has told of it; times and ids as PostgreSQL wrote them. */
export interface PartFigures {
  readonly sourceId: string;
  readonly queue: string;
  readonly moved: number;
  readonly merged: number;
  readonly refused: number;
  /** Null until its end. */
  readonly remaining: number | null;
  readonly detail: Readonly<Record<string, number>>;
  readonly cursorAt: string | null;
  readonly cursorId: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

export type CanaryState = "sending" | "waiting" | "passed" | "stopped";

/** What a runner is to do now. */
export interface ActionOrders {
  readonly state: ActionState;
  readonly rate: number | null;
  readonly canaryState: CanaryState | null;
}

/** Tells the figures of parts and keeps the lease; undefined where the runner does not have the action any more. */
export async function reportAction(
  central: Pool | ClientBase,
  id: string,
  runner: string,
  parts: readonly PartFigures[],
  canaryState?: CanaryState,
): Promise<ActionOrders | undefined> {
  const told = parts.map((part) => ({
    source_id: part.sourceId,
    queue: part.queue,
    moved: part.moved,
    merged: part.merged,
    refused: part.refused,
    remaining: part.remaining,
    detail: part.detail,
    cursor_at: part.cursorAt,
    cursor_id: part.cursorId,
    started_at: part.startedAt,
    ended_at: part.endedAt,
  }));
  const { rows } = await central.query<ActionOrders>(
    `select r.state, r.rate, r.canary_state as "canaryState"
       from central.report_operator_action(
              p_action_id => $1, p_runner => $2, p_lease => make_interval(secs => $3), p_parts => $4,
              p_canary_state => $5) r`,
    [id, runner, actionLeaseS, JSON.stringify(told), canaryState ?? null],
  );
  return rows[0];
}

/** Lets go of an action; without a verb its state stays, and another runner may continue. */
export async function releaseAction(
  central: Pool | ClientBase,
  id: string,
  runner: string,
  verb?: Extract<ActionVerb, "finish" | "fail" | "pause">,
  error?: string,
): Promise<ActionState | null> {
  const { rows } = await central.query<{ state: ActionState | null }>(
    `select central.release_operator_action(p_action_id => $1, p_runner => $2, p_verb => $3, p_error => $4) as state`,
    [id, runner, verb ?? null, error ?? null],
  );
  return rows[0]?.state ?? null;
}

export interface ControlledAction {
  /** Whether the action is as asked for; else its state says why it can't be. */
  readonly isDone: boolean;
  readonly isChanged: boolean;
  readonly state: ActionState;
  /** Whether a runner has it. */
  readonly isRunning: boolean;
}

/** What an operator asks of an action, from anywhere; undefined where there is none of that id. */
export async function controlAction(
  central: Pool,
  id: string,
  verb: ControlVerb | "rate",
  { actor, rate, reason }: { actor: string; rate?: number | null; reason?: string },
): Promise<ControlledAction | undefined> {
  const { rows } = await central.query<ControlledAction>(
    `select c.is_done as "isDone", c.is_changed as "isChanged", c.state, c.is_running as "isRunning"
       from central.control_operator_action(
              p_action_id => $1, p_verb => $2, p_actor => $3, p_rate => $4, p_reason => $5) c`,
    [id, verb, actor, rate ?? null, reason ?? null],
  );
  return rows[0];
}
