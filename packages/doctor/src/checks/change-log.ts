import {
  type CaptureCursor,
  findLoss,
  readCaptureCursors,
  recreateCommand,
  type Slot,
} from "@centralcloud/cdc";
import type { CheckedDatabase, DatabaseCheckResult, DatabaseFact } from "../check.ts";
import { type CheckResult, error, ok, warning } from "../finding.ts";

interface CursorRow {
  readonly sourceId: string;
  readonly source: string;
  readonly silentSeconds: number;
  readonly behindSeconds: number;
  readonly lostReason: string | null;
  readonly fault: string | null;
}

/** A reader says at least every ten seconds that it lives. */
const longestSilenceSeconds = 60;

/** What the change log says of every source, or what a source says of its slot. */
export type ChangeLogFact =
  | {
      readonly side: "central";
      readonly rows: readonly CursorRow[];
      readonly cursors: ReadonlyMap<string, CaptureCursor>;
    }
  | { readonly side: "source"; readonly sourceId: string; readonly slot: Slot | undefined };

export async function gatherChangeLog({
  client,
  side,
  source,
  slot,
}: CheckedDatabase): Promise<ChangeLogFact> {
  if (side !== "central") {
    return { side: "source", sourceId: (await source()).sourceId, slot: await slot() };
  }
  const { rows } = await client.query<CursorRow>(
    `select c.source_id as "sourceId", coalesce(s.name, c.source_id::text) as source,
            extract(epoch from now() - c.seen_at)::float8 as "silentSeconds",
            extract(epoch from now() - c.source_time)::float8 as "behindSeconds",
            c.lost_reason as "lostReason", c.fault
       from central.capture_cursors c
       left join central.sources s using (source_id)
      order by 2`,
  );
  return { side: "central", rows, cursors: await readCaptureCursors(client) };
}

/** Whether somebody enters the changes of each source that is captured, and none are missing. */
export function compareChangeLog(
  facts: readonly DatabaseFact<ChangeLogFact>[],
): readonly DatabaseCheckResult[] {
  const slots = new Map(
    facts.flatMap(({ fact }) =>
      fact.side === "source" ? [[fact.sourceId, fact.slot] as const] : [],
    ),
  );
  return facts.flatMap(({ database, fact }) => {
    if (fact.side === "source") return [];
    const checkResults = fact.rows.map((row) => {
      // Of a source that was not reached only the log's own word is known.
      const loss = slots.has(row.sourceId)
        ? findLoss(slots.get(row.sourceId), fact.cursors.get(row.sourceId))
        : undefined;
      return judge(row, loss ?? row.lostReason);
    });
    if (checkResults.length === 0) checkResults.push(ok("no source is captured"));
    return checkResults.map((checkResult) => ({ database, checkResult }));
  });
}

function judge(row: CursorRow, loss: string | null): CheckResult {
  const { source, silentSeconds, behindSeconds } = row;
  const behind = `its change log is complete up to ${formatSeconds(behindSeconds)} ago`;
  if (loss !== null) {
    const remedy = `begin anew: ${recreateCommand(source)}`;
    return error(`the capture of ${source} is lost: ${loss}; ${behind}`, remedy);
  }
  if (row.fault !== null) {
    const remedy = "do what it says; the log's `capture-fault` tells the same";
    return error(`the capture of ${source} does not continue: ${row.fault}; ${behind}`, remedy);
  }
  // What is dated in the future was said before the clock was set back.
  if (Math.abs(silentSeconds) <= longestSilenceSeconds)
    return ok(`${source} is captured; ${behind}`);
  const since =
    silentSeconds > 0 ? `for ${formatSeconds(silentSeconds)}` : "since the clock was set back";
  return warning(
    `nobody has captured ${source} ${since}; ${behind}`,
    "see `centralcloud cdc status`; let a consumer with CDC_ENABLED=true or `centralcloud cdc run` run",
  );
}

function formatSeconds(seconds: number): string {
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} s`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}
