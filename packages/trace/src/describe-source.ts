import { copiedUntil } from "@centralcloud/db";
import { deadLetterSql } from "@centralcloud/dead-letters";
import type { Pool, QueryResultRow } from "pg";
import { ask, type Budget } from "./budget.ts";
import type { Unknown } from "./event.ts";
import type { TraceWindow } from "./question.ts";

/* What is asked of a source besides its rows. */

interface Described extends QueryResultRow {
  readonly rowId: string;
  readonly agent: string | null;
  readonly session: string | null;
  readonly version: string | null;
  readonly confidence: string | null;
  readonly keyId: string | null;
  readonly alg: string | null;
}

/** What messages of sessions say beside their states, by the ids of their rows. */
export async function describeSessions(
  pool: Pool,
  budget: Budget,
  table: "queue" | "archive",
  rowIds: readonly (string | null)[],
): Promise<ReadonlyMap<string, Described>> {
  const found = await ask<Described>(
    pool,
    budget,
    `select s.msg_id::text as "rowId", left(s.description #>> '{agent_id}', 600) as agent,
            left(s.description #>> '{session_id}', 600) as session,
            left(s.description #>> '{synced_at}', 64) as version,
            left(s.description #>> '{confidence}', 64) as confidence,
            left(s.description #>> '{sealed,key_id}', 200) as "keyId",
            left(s.description #>> '{sealed,alg}', 60) as alg
       from public.describe_session_messages(p_archived => $1, p_msg_ids => $2) s`,
    [table === "archive", rowIds],
  );
  return new Map(found.map((one) => [one.rowId, one]));
}

/** So long archives are kept: public.cleanup_queue_archives. */
const archiveDays = 90;

/** What no source can know any more: archives are kept for a while, and a copy's hold another source's messages. */
export async function readLimits(
  pool: Pool,
  budget: Budget,
  window: TraceWindow,
): Promise<readonly Omit<Unknown, "source">[]> {
  const [limits] = await ask<{ created: string; kept: string; copied: string | null }>(
    pool,
    budget,
    `select ${deadLetterSql.instant("s.created_at")} as created,
            ${deadLetterSql.instant(`clock_timestamp() - interval '${archiveDays} days'`)} as kept,
            ${deadLetterSql.instant(`nullif(${copiedUntil}, '-infinity')`)} as copied
       from public.singularity_source s limit 1`,
  );
  if (limits === undefined) return [];
  const { created, kept, copied } = limits;
  const from = window.from !== null && window.from > created ? window.from : created;
  const told: Omit<Unknown, "source">[] = [];
  if (created < kept && from < kept) {
    const why = `archives are kept for ${archiveDays} days: what was archived before is not known`;
    told.push({ from, to: kept, why });
  }
  if (copied !== null && (window.from ?? "") < copied) {
    const why = "it was a copy of another source: what its archives have of before is that one's";
    told.push({ from: window.from, to: copied, why });
  }
  return told;
}
