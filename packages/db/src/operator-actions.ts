import type { Pool } from "pg";

/** What an operator is about to do. */
export interface ActionRequest {
  /** Who does it. */
  readonly actor: string;
  /** Why; must not be empty. */
  readonly reason: string;
}

/**
 * An action that is entered in `central.operator_actions`: it was before its first change, and stays
 * without `finished_at` when it does not come to its end.
 */
export interface OperatorAction {
  /** In decimal digits. */
  readonly id: string;
  /** Notes how many messages it has changed so far. */
  count(messages: number): Promise<void>;
  finish(messages: number): Promise<void>;
}

/** @param selection what it is done to. */
export async function beginOperatorAction(
  central: Pool,
  action: string,
  { actor, reason }: ActionRequest,
  selection: Readonly<Record<string, unknown>>,
): Promise<OperatorAction> {
  const { rows } = await central.query<{ id: string }>(
    `insert into central.operator_actions (actor, action, reason, selection, message_count)
     values ($1, $2, $3, $4, 0)
     returning id::text`,
    [actor, action, reason, JSON.stringify(selection)],
  );
  const { id } = rows[0] as { id: string };
  const note = async (messages: number, finished: boolean) => {
    await central.query(
      `update central.operator_actions a
          set message_count = $2, finished_at = case when $3 then clock_timestamp() end
        where a.id = $1`,
      [id, messages, finished],
    );
  };
  return {
    id,
    count: (messages) => note(messages, false),
    finish: (messages) => note(messages, true),
  };
}
