import { isArchivedHere, isNotSetAside } from "@centralcloud/db";
import { type Queryable, queueTable } from "@centralcloud/queue";

/** A message in an archive. */
export interface ArchivedMessage {
  /** In the archive. */
  readonly key: string;
  /** By the source's clock, in ISO 8601. */
  readonly archivedAt: string;
  /** Its identity in the queue; undefined where it stands under another id and does not say which was its own. */
  readonly msgId: string | undefined;
  readonly enqueuedAt: string;
}

/** A place in an archive: behind this message. */
export type ArchivePlace = Pick<ArchivedMessage, "key" | "archivedAt">;

/** What answers has other columns, or other values in them, than an archive has. */
class ArchiveAnswerError extends Error {
  readonly code = "archive_answer";
  constructor() {
    super("what stands in the archive's place does not answer as an archive does");
    this.name = "ArchiveAnswerError";
  }
}

const instant = (time: string) =>
  `to_char(${time} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** What the source's clock shows, in ISO 8601. @throws {ArchiveAnswerError} */
export async function readClock(source: Queryable): Promise<string> {
  const { rows } = await source.query<{ now: unknown }>(
    `select ${instant("clock_timestamp()")} as now`,
  );
  const now = rows[0]?.now;
  if (typeof now !== "string" || Number.isNaN(Date.parse(now))) throw new ArchiveAnswerError();
  return now;
}

/**
 * The next messages of an archive by the time at which they were archived, at most `limit`. Left out are those of which
 * nobody says that they were merged here: of a copy of a source those that are its original's, and those that somebody
 * has set aside (the header `set_aside`).
 *
 * @param to included, as is `from`; both by the source's clock.
 * @throws {ArchiveAnswerError}
 */
export async function readArchived(
  source: Queryable,
  queue: string,
  from: string,
  to: string,
  after: ArchivePlace | undefined,
  limit: number,
): Promise<readonly ArchivedMessage[]> {
  // One column, as each column of a row costs as much as its text.
  const { rows } = await source.query<{ line: unknown }>(
    `select concat_ws('|', d.msg_id, ${instant("d.archived_at")},
              case when d.msg_id >= 0 then d.msg_id::text
                   when d.headers ->> 'archived_msg_id' ~ '^\\d{1,18}$' then d.headers ->> 'archived_msg_id'
                   else '' end,
              to_jsonb(d.enqueued_at) #>> '{}') as line
       from ${queueTable(queue, "a")} d
      where d.archived_at >= $1::timestamptz and d.archived_at <= $2::timestamptz
        and ($3::timestamptz is null or (d.archived_at, d.msg_id) > ($3::timestamptz, $4::bigint))
        and ${isArchivedHere("d")} and ${isNotSetAside("d")}
      order by d.archived_at, d.msg_id
      limit $5`,
    [from, to, after?.archivedAt ?? null, after?.key ?? null, limit],
  );
  return rows.map(({ line }) => {
    const parts = typeof line === "string" ? line.split("|") : [];
    const [key, archivedAt, msgId, enqueuedAt] = parts;
    if (
      key === undefined ||
      archivedAt === undefined ||
      msgId === undefined ||
      enqueuedAt === undefined ||
      parts.length > 4 ||
      Number.isNaN(Date.parse(archivedAt))
    ) {
      throw new ArchiveAnswerError();
    }
    return { key, archivedAt, msgId: msgId === "" ? undefined : msgId, enqueuedAt };
  });
}
