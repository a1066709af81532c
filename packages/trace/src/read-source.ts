import { type QueueName, queueNames } from "@centralcloud/contracts";
import {
  type DeadLetterSource,
  deadLetterSql,
  type Place,
  placesOf,
} from "@centralcloud/dead-letters";
import type { Pool, QueryResultRow } from "pg";
import { ask, type Budget, partialReason } from "./budget.ts";
import { describeSessions, readLimits } from "./describe-source.ts";
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

/** When something was sent to a queue, as far as another database knows: there the archive is searched first. */
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
const tables: readonly Table[] = ["queue", "deadLetters", "deadLetterArchive", "archive"];

const names: Readonly<Record<Table, string>> = {
  queue: "the messages that wait in",
  archive: "the archived messages of",
  deadLetters: "the dead letters of",
  deadLetterArchive: "the archived dead letters of",
};

const columns = { queue: "msg_id", deadLetters: "enqueued_at" } as const;
const columnOf = (table: Table): ScanPlan["column"] =>
  table === "queue" || table === "deadLetters" ? columns[table] : "archived_at";

/** Of a source's time, the part for searching tables: what was found is to be described, too. */
const lookingPart = 0.8;

/** Rounds of looking up what a message was sent as before and after. */
const mostReplays = 20;
/** Moments at which the archive is searched first. */
const mostHints = 10;
/** A message is sent at most so long before the time that its ULID, or its sender, says; in seconds. */
const slackS = 60;

export async function readSource(
  source: DeadLetterSource,
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
  readonly #source: DeadLetterSource;
  readonly #question: TraceQuestion;
  readonly #hints: readonly Hint[];
  readonly #budget: Budget;

  constructor(source: DeadLetterSource, { question, hints, budget }: SourceRequest) {
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
    for (const table of ["queue", "archive"] as const) await this.#describeSessions(table);
    await this.#partly("since when it is a source of its own", async () => {
      const { name } = this.#source;
      const told = await readLimits(this.#pool, this.#budget, this.#question.window);
      this.limits.push(...told.map((one) => ({ ...one, source: name })));
    });
  }

  /** Searches all tables of all queues for an agent or a session. */
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
    const budget = this.#budget.share(lookingPart);
    for (const [index, { place, table, plan }] of steps.entries()) {
      const share = budget.share(1 / (steps.length - index));
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
    const budget = this.#budget.share(lookingPart);
    const left: (() => void)[] = [];
    for (const [index, { place, table }] of steps.entries()) {
      const plan = this.#planOf(place, table, table === "queue" ? null : from, table !== "queue");
      if (plan === undefined) continue;
      const share = budget.share(1 / (steps.length - index));
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
    const isDeadLetter = table === "deadLetters" || table === "deadLetterArchive";
    // One that the archive had already stands under a negative id, and says its own.
    const meant = isDeadLetter
      ? `${deadLetterSql.messageId} = any ($1::text[])`
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
  async #describeSessions(table: "queue" | "archive"): Promise<void> {
    const wanted = [...this.#rows].filter(
      ([, row]) => row.table === table && !isReadable(row.queue, table),
    );
    if (wanted.length === 0) return;
    const ids = wanted.map(([, { rowId }]) => rowId);
    await this.#partly("what messages of agent-sessions say", async () => {
      const told = await describeSessions(this.#pool, this.#budget, table, ids);
      for (const [key, row] of wanted)
        this.#rows.set(key, { ...row, ...told.get(row.rowId ?? "") });
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

/** Those that are ids, each once. */
function idsOf(values: readonly (string | null)[]): readonly string[] {
  return [...new Set(values.filter((value): value is string => /^\d{1,18}$/.test(value ?? "")))];
}
