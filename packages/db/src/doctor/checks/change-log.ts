import type { CheckedDatabase } from "../check.ts";
import { ok, type Verdict, warning } from "../finding.ts";

interface CursorRow {
  readonly source: string;
  readonly slot: string;
  readonly silentSeconds: number;
  readonly behindSeconds: number;
}

/** A reader says at least every ten seconds that it lives. */
const longestSilenceSeconds = 60;

/** Whether somebody enters the changes of each source that is captured. */
export async function checkChangeLog({ client }: CheckedDatabase): Promise<readonly Verdict[]> {
  const { rows } = await client.query<CursorRow>(
    `select coalesce(s.name, c.source_id::text) as source, c.slot_name as slot,
            extract(epoch from now() - c.seen_at)::float8 as "silentSeconds",
            extract(epoch from now() - c.source_time)::float8 as "behindSeconds"
       from central.capture_cursors c
       left join central.sources s using (source_id)
      order by 1`,
  );
  if (rows.length === 0) return [ok("no source is captured")];
  return rows.map(({ source, silentSeconds, behindSeconds }) => {
    const behind = `its change log is complete up to ${formatSeconds(behindSeconds)} ago`;
    if (silentSeconds <= longestSilenceSeconds) return ok(`${source} is captured; ${behind}`);
    return warning(
      `nobody has captured ${source} for ${formatSeconds(silentSeconds)}; ${behind}`,
      "see `centralcloud cdc status`; let a consumer with CDC_ENABLED=true or `centralcloud cdc run` run",
    );
  });
}

function formatSeconds(seconds: number): string {
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} s`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}
