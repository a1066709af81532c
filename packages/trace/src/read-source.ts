import { type QueueName, queueNames } from "@centralcloud/contracts";
import { copiedUntil } from "@centralcloud/db";
import { type LetterSource, letterSql, type Place, placesOf } from "@centralcloud/dead-letters";
import type { Pool, QueryResultRow } from "pg";
import { ask, type Budget, partialReason } from "./budget.ts";
import type { Unknown } from "./event.ts";
import { normalized, shifted, type TraceQuestion, timeOfUlid, utc } from "./question.ts";
import { mostRows, type Scanned, type ScanPlan, scan } from "./scan.ts";
import {
  columnsOf,
  isReadable,
  ownRows,
  type Row,
  rowsOfSubject,
  type Table,
} from "./source-sql.ts";

/* What one source has of the messages that are asked about: in its queues, archives and dead letters. */

/** A row that a source has of a message. */
export interface SourceRow extends Row {
  readonly source: string;
  readonly sourceId: string;
  readonly queue: QueueName;
  readonly table: Table;
}

/** When something was sent to a queue, as far as another database knows: there the archive is looked through first. */
export interface Hint {
  readonly queue: QueueName;
  readonly at: string;
}

export interface SourceAnswer {
  readonly rows: readonly SourceRow[];
  readonly unknown: readonly Unknown[];
  /** What the source can't know any more, whatever it is asked. */
  readonly limits: readonly Unknown[];
}

export interface SourceRequest {
  readonly question: TraceQuestion;
  readonly hints: readonly Hint[];
  readonly budget: Budget;
}

/** The order in which a message moves: what moves meanwhile is seen twice, and never missed. */
const tables: readonly Table[] = ["queue", "letters", "letterArchive", "archive"];

const names: Readonly<Record<Table, string>> = {
  queue: "the messages that wait in",
  archive: "the archived messages of",
  letters: "the dead letters of",
  letterArchive: "the archived dead letters of",
};

const columns = { queue: "msg_id", letters: "enqueued_at" } as const;
const columnOf = (table: Table): ScanPlan["column"] =>
  table === "queue" || table === "letters" ? columns[table] : "archived_at";

/** Rounds of looking up what a message was sent as before and after. */
const mostReplays = 20;
/** Moments at which the archive is looked through first. */
const mostHints = 10;
/** A message is sent at most so long before the time that its ULID, or its sender, says; in seconds. */
const slackS = 60;
/** So long archives are kept: public.cleanup_queue_archives. */
const archiveDays = 90;

export async function readSource(
  source: LetterSource,
  request: SourceRequest,
): Promise<SourceAnswer> {
  const reader = new SourceReader(source, request);
  await reader.read();
  return { rows: reader.rows, unknown: reader.unknown, limits: reader.limits };
}

class SourceReader {
  readonly unknown: Unknown[] = [];
  readonly limits: Unknown[] = [];
  readonly #rows = new Map<string, SourceRow>();
  readonly #source: LetterSource;
  readonly #question: TraceQuestion;
  readonly #hints: readonly Hint[];
  readonly #budget: Budget;

  constructor(source: LetterSource, { question, hints, budget }: SourceRequest) {
    this.#source = source;
    this.#question = question;
    this.#hints = hints;
    this.#budget = budget;
  }

  get rows(): readonly SourceRow[] {
    return [...this.#rows.values()];
  }

  get #pool(): Pool {
    return this.#source.pool;
  }

  async read(): Promise<void> {
    const { subject } = this.#question;
    const places = placesOf({ sources: [this.#source], queues: queueNames });
    if ("msgId" in subject) {
      for (const place of places) await this.#follow(place, [subject.msgId]);
    } else if ("messageId" in subject) {
      await this.#findByUlid(places, subject.messageId);
    } else {
      await this.#search(places);
    }
    await this.#describeSessions();
    await this.#tellLimits();
  }

  /** Looks through all tables of all queues for an agent or a session. */
  async #search(places: readonly Place[]): Promise<void> {
    const { window } = this.#question;
    const steps = tables.flatMap((table) =>
      places.flatMap((place) => {
        const from = table === "queue" ? null : window.from;
        const isForward = table !== "queue" && window.to !== null;
        const plan = this.#planOf(place, table, from, isForward);
        return plan === undefined ? [] : [{ place, table, plan }];
      }),
    );
    for (const [index, { place, table, plan }] of steps.entries()) {
      const share = this.#budget.share(1 / (steps.length - index));
      const { left } = await this.#scanWithHints(place, table, plan, share);
      if (left !== undefined) this.#tellLeft(place, table, plan, left);
    }
    for (const place of places) {
      const ids = this.rows
        .filter(({ queue }) => queue === place.queue)
        .flatMap(({ replayOf, newMsgId }) => [replayOf, newMsgId]);
      for (const table of ["queue", "archive"] as const)
        await this.#lookUp(place, table, idsOf(ids));
    }
  }

  /** In an archive that is too long for the time that there is, first where the central store says that something was sent. */
  async #scanWithHints(
    place: Place,
    table: Table,
    plan: ScanPlan,
    budget: Budget,
  ): Promise<Scanned<Row>> {
    const hints = this.#hints.filter(({ queue }) => queue === place.queue);
    const isOpen = plan.from === null && !plan.isForward;
    if (table !== "archive" || !isOpen || hints.length === 0) {
      return await this.#scan(place, table, plan, budget);
    }
    const first = await this.#scan(place, table, plan, budget.share(0.4));
    const { left } = first;
    if (left === undefined) return first;
    const times = hints.map(({ at }) => at).filter((at) => left.to === null || at < left.to);
    for (const at of [...new Set(times)].sort().reverse().slice(0, mostHints)) {
      const there = { ...plan, from: shifted(at, -slackS), isForward: true };
      await this.#scan(place, table, there, budget.share(0.2), 1);
    }
    return await this.#scan(place, table, { ...plan, to: left.to }, budget);
  }

  /** A ULID says when it was made: its message was sent then, and archived or dead-lettered later. */
  async #findByUlid(places: readonly Place[], ulid: string): Promise<void> {
    const from = shifted(utc(timeOfUlid(ulid)), -slackS);
    const steps = places.flatMap((place) => tables.map((table) => ({ place, table })));
    const left: (() => void)[] = [];
    for (const [index, { place, table }] of steps.entries()) {
      const plan = this.#planOf(place, table, table === "queue" ? null : from, table !== "queue");
      if (plan === undefined) continue;
      const share = this.#budget.share(1 / (steps.length - index));
      const found = await this.#scan(place, table, { ...plan, untilFound: true }, share);
      const { left: rest } = found;
      if (rest !== undefined) left.push(() => this.#tellLeft(place, table, plan, rest));
      if (found.rows.length > 0) {
        // Whatever else became of it is known by the ids that this row names.
        await this.#follow(place, idsOf(this.rows.map(({ id }) => id)));
        return;
      }
    }
    for (const tell of left) tell();
  }

  #planOf(
    place: Place,
    table: Table,
    from: string | null,
    isForward: boolean,
  ): ScanPlan | undefined {
    const { subject, window } = this.#question;
    const wanted = rowsOfSubject(subject, place, table);
    if (wanted === undefined) return undefined;
    const conditions = [`(${wanted.condition})`, ownRows(table)];
    const values = [...wanted.values];
    // A dead letter says by itself when its message was sent.
    if (window.to !== null && (table === "queue" || table === "archive")) {
      conditions.unshift(`d.enqueued_at <= $${3 + values.push(window.to)}::timestamptz`);
    }
    return {
      ...wanted,
      table: place.tables[table],
      column: columnOf(table),
      from,
      to: null,
      isForward,
      columns: columnsOf(place.queue, table, "agent" in subject ? "$4::text" : null),
      condition: conditions.join(" and "),
      values,
    };
  }

  async #scan(
    place: Place,
    table: Table,
    plan: ScanPlan,
    budget: Budget,
    mostChunks?: number,
  ): Promise<Scanned<Row>> {
    const found = await scan<Row & QueryResultRow>(this.#pool, budget, plan, mostChunks);
    this.#keep(place, table, found.rows);
    return found;
  }

  /** A message with all that it was sent as before, and again. */
  async #follow(place: Place, ids: readonly string[]): Promise<void> {
    const asked = new Set<string>();
    for (let round = 0; round < mostReplays; round++) {
      const known = this.rows.filter(({ queue }) => queue === place.queue);
      const named = known.flatMap(({ id, replayOf, newMsgId }) => [id, replayOf, newMsgId]);
      const next = idsOf([...ids, ...named]).filter((id) => !asked.has(id));
      if (next.length === 0) return;
      for (const id of next) asked.add(id);
      for (const table of tables) await this.#lookUp(place, table, next);
    }
    this.#tell(
      `message ${ids.join(", ")} of ${place.queue} was sent again more than ${mostReplays} times`,
    );
  }

  async #lookUp(place: Place, table: Table, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const { subject } = this.#question;
    const isSummary = place.queue === "agent-knowledge-updates";
    const agents = isSummary && "agent" in subject ? [subject.agent] : [];
    const isLetter = table === "letters" || table === "letterArchive";
    // One that the archive had already stands under a negative id, and says its own.
    const meant = isLetter
      ? `${letterSql.messageId} = any ($1::text[])`
      : table === "archive"
        ? "(d.msg_id = any ($1::bigint[]) or d.msg_id < 0 and d.headers ->> 'archived_msg_id' = any ($1::text[]))"
        : "d.msg_id = any ($1::bigint[])";
    const text = `select ${columnsOf(place.queue, table, agents.length > 0 ? "$2::text" : null)}
        from ${place.tables[table]} d
       where ${meant} and ${ownRows(table)}
       limit ${mostRows}`;
    await this.#partly(`${names[table]} ${place.queue}`, async () => {
      const rows = await ask<Row & QueryResultRow>(this.#pool, this.#budget, text, [
        ids,
        ...agents,
      ]);
      this.#keep(place, table, rows);
    });
  }

  #keep(place: Place, table: Table, rows: readonly Row[]): void {
    const { source, queue } = place;
    for (const row of rows) {
      const key = JSON.stringify([queue, table, row.rowId]);
      this.#rows.set(key, { ...row, source: source.name, sourceId: source.sourceId, queue, table });
    }
  }

  /** What messages of sessions say beside their states, which a login that only looks may not read. */
  async #describeSessions(): Promise<void> {
    for (const table of ["queue", "archive"] as const) {
      const wanted = [...this.#rows].filter(
        ([, row]) => row.table === table && !isReadable(row.queue, table),
      );
      if (wanted.length === 0) continue;
      await this.#partly("what messages of agent-sessions say", async () => {
        const found = await ask<Described>(
          this.#pool,
          this.#budget,
          `select s.msg_id::text as "rowId", left(s.description #>> '{agent_id}', 600) as agent,
                  left(s.description #>> '{session_id}', 600) as session,
                  left(s.description #>> '{synced_at}', 64) as version,
                  left(s.description #>> '{confidence}', 64) as confidence,
                  left(s.description #>> '{sealed,key_id}', 200) as "keyId",
                  left(s.description #>> '{sealed,alg}', 60) as alg
             from public.describe_session_messages(p_archived => $1, p_msg_ids => $2) s`,
          [table === "archive", wanted.map(([, { rowId }]) => rowId)],
        );
        const told = new Map(found.map((one) => [one.rowId, one]));
        for (const [key, row] of wanted)
          this.#rows.set(key, { ...row, ...told.get(row.rowId ?? "") });
      });
    }
  }

  /** What no source can know any more: archives are kept for a while, and a copy's hold another source's messages. */
  async #tellLimits(): Promise<void> {
    const { window } = this.#question;
    await this.#partly("since when it is a source of its own", async () => {
      const [limits] = await ask<{ created: string; kept: string; copied: string | null }>(
        this.#pool,
        this.#budget,
        `select ${letterSql.instant("s.created_at")} as created,
                ${letterSql.instant(`clock_timestamp() - interval '${archiveDays} days'`)} as kept,
                ${letterSql.instant(`nullif(${copiedUntil}, '-infinity')`)} as copied
           from public.singularity_source s limit 1`,
      );
      if (limits === undefined) return;
      const { created, kept, copied } = limits;
      const from = window.from !== null && window.from > created ? window.from : created;
      const { name } = this.#source;
      if (created < kept && from < kept) {
        const why = `archives are kept for ${archiveDays} days: what was archived before is not known`;
        this.limits.push({ from, to: kept, why, source: name });
      }
      if (copied !== null && (window.from ?? "") < copied) {
        const why =
          "it was a copy of another source: what its archives have of before is that one's";
        this.limits.push({ from: window.from, to: copied, why, source: name });
      }
    });
  }

  /** A part that can't be read takes nothing from the others. */
  async #partly(what: string, read: () => Promise<void>): Promise<void> {
    try {
      await read();
    } catch (error) {
      const reason = partialReason(error);
      if (reason === undefined) throw error;
      const { from, to } = this.#question.window;
      this.#tell(`${what} can't be read: ${reason}`, from, to);
    }
  }

  #tellLeft(
    place: Place,
    table: Table,
    { column }: ScanPlan,
    { from, to, why }: NonNullable<Scanned<Row>["left"]>,
  ): void {
    const rest = column === "msg_id" ? [null, null] : [from, to];
    const [start = null, end = null] = rest.map((value) => normalized(value ?? "") ?? null);
    this.#tell(`not all of ${names[table]} ${place.queue} were looked at: ${why}`, start, end);
  }

  #tell(why: string, from: string | null = null, to: string | null = null): void {
    this.unknown.push({ from, to, why, source: this.#source.name });
  }
}

interface Described extends QueryResultRow {
  readonly rowId: string;
  readonly agent: string | null;
  readonly session: string | null;
  readonly version: string | null;
  readonly confidence: string | null;
  readonly keyId: string | null;
  readonly alg: string | null;
}

/** Those that are ids, each once. */
function idsOf(values: readonly (string | null)[]): readonly string[] {
  return [...new Set(values.filter((value): value is string => /^\d{1,18}$/.test(value ?? "")))];
}
