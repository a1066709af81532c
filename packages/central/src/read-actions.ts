import type { Pool } from "pg";
import type { ActionState } from "./action-state.ts";
import type { CanaryState, PartFigures } from "./operator-actions.ts";

/** An operator's action, as the central store knows it: figures are those that its runner last told. */
export interface ActionSummary {
  /** In decimal digits. */
  readonly id: string;
  readonly key: string;
  /** `replay`, `edit`, `discard`, `restore`, `import`, `replay-archive`, `job-run`, `reveal`. */
  readonly kind: string;
  readonly state: ActionState;
  readonly actor: string;
  readonly login: string | null;
  readonly osUser: string | null;
  readonly channel: string | null;
  readonly reason: string;
  readonly selection: Readonly<Record<string, unknown>>;
  /** Messages that it selected when it was planned; null for actions of before they were counted. */
  readonly expected: number | null;
  readonly moved: number;
  readonly alreadyMerged: number;
  readonly refused: number;
  /** What is left of the selection: what is still to be done, or was left behind at the end. */
  readonly remaining: number | null;
  readonly rate: number | null;
  readonly canary: { readonly count: number; readonly state: CanaryState } | null;
  readonly error: string | null;
  /** Who works on it now; null where nobody does. */
  readonly runner: string | null;
  /** Until when it has it, unless it says again that it lives; by the clock of the central store. */
  readonly leaseUntil: string | null;
  /** UTC with microseconds. */
  readonly startedAt: string;
  readonly finishedAt: string | null;
}

export interface ActionPart extends PartFigures {
  readonly sourceName: string;
  readonly selection: Readonly<Record<string, unknown>>;
  readonly expected: number;
}

export interface ActionEvent {
  readonly at: string;
  readonly event: string;
  readonly actor: string;
  readonly login: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface ActionDetails extends ActionSummary {
  readonly parts: readonly ActionPart[];
  readonly events: readonly ActionEvent[];
}

const instant = (column: string) =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

const summary = `
  select a.id::text as id, a.action_key::text as key, a.action as kind, a.state, a.actor, a.login,
         a.os_user as "osUser", a.channel, a.reason, a.selection,
         a.expected_count::double precision as expected,
         coalesce(p.moved, a.message_count)::double precision as moved,
         coalesce(p.merged, 0)::double precision as "alreadyMerged",
         coalesce(p.refused, 0)::double precision as refused,
         p.remaining::double precision as remaining,
         a.rate,
         case when a.canary_count is not null
              then jsonb_build_object('count', a.canary_count, 'state', a.canary_state) end as canary,
         a.error, case when a.lease_until > clock_timestamp() then a.runner end as runner,
         ${instant("a.lease_until")} as "leaseUntil",
         ${instant("a.started_at")} as "startedAt", ${instant("a.finished_at")} as "finishedAt"
    from central.operator_actions a
    left join lateral (
      select sum(p.moved_count) as moved, sum(p.merged_count) as merged, sum(p.refused_count) as refused,
             sum(coalesce(p.remaining_count, greatest(p.expected_count - p.moved_count, 0))) as remaining
        from central.operator_action_parts p
       where p.action_id = a.id
    ) p on true`;

export interface ActionFilter {
  readonly states?: readonly ActionState[];
  /** Those before this id. */
  readonly before?: string;
  readonly limit: number;
}

/** Newest first. */
export async function listActions(
  central: Pool,
  { states, before, limit }: ActionFilter,
): Promise<readonly ActionSummary[]> {
  const { rows } = await central.query<ActionSummary>(
    `${summary}
      where ($1::text[] is null or a.state = any ($1::text[]))
        and ($2::bigint is null or a.id < $2::bigint)
      order by a.id desc
      limit $3`,
    [states ?? null, before ?? null, limit],
  );
  return rows;
}

/**
 * Actions that wait for a runner, oldest first: those that are to run, and whose runner let go of them or was silent for
 * the whole of its lease; and those that were cancelled before their figures were final. Left out are actions of builds
 * that could not continue with them, and those without parts (`job-run`, `reveal` …): only the process that began such a one
 * can do its work, and it may be at it while its lease is over.
 *
 * @param limit how many at most.
 */
export async function listWaitingActions(
  central: Pool,
  limit = 1_000,
): Promise<readonly ActionSummary[]> {
  const { rows } = await central.query<ActionSummary>(
    `${summary}
      where a.state in ('running', 'cancelled') and a.finished_at is null and a.login is not null
        and (a.lease_until is null or a.lease_until <= clock_timestamp())
        and exists (select from central.operator_action_parts p where p.action_id = a.id)
      order by a.id
      limit $1`,
    [limit],
  );
  return rows;
}

/** The login of this connection, as the record of actions names who planned one. */
export async function readActingLogin(central: Pool): Promise<string> {
  const { rows } = await central.query<{ login: string }>("select session_user::text as login");
  return rows[0]?.login ?? "";
}

/** One action with its parts and events; undefined where there is none of that id. */
export async function readAction(central: Pool, id: string): Promise<ActionDetails | undefined> {
  const { rows } = await central.query<ActionSummary>(`${summary} where a.id = $1`, [id]);
  const [row] = rows;
  if (row === undefined) return undefined;
  const { rows: parts } = await central.query<ActionPart>(
    `select p.source_id::text as "sourceId", p.source_name as "sourceName", p.queue, p.selection,
            p.expected_count::double precision as expected, p.moved_count::double precision as moved,
            p.merged_count::double precision as merged, p.refused_count::double precision as refused,
            p.remaining_count::double precision as remaining, p.detail,
            ${instant("p.cursor_at")} as "cursorAt", p.cursor_id::text as "cursorId",
            ${instant("p.started_at")} as "startedAt", ${instant("p.ended_at")} as "endedAt"
       from central.operator_action_parts p
      where p.action_id = $1
      order by p.source_name, p.source_id, p.queue`,
    [id],
  );
  const { rows: events } = await central.query<ActionEvent>(
    `select ${instant("e.at")} as at, e.event, e.actor, e.login, e.detail
       from central.operator_action_events e
      where e.action_id = $1
      order by e.id`,
    [id],
  );
  return { ...row, parts, events };
}
