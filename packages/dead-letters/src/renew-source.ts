import { type ActionRequest, adoptSource } from "@centralcloud/central";
import { deadLetterQueueOf, type QueueName, queueNames } from "@centralcloud/contracts";
import { type IdentifiedSource, identifySource } from "@centralcloud/db";
import { codeOf, sqlState } from "@centralcloud/postgres";
import { queueTable } from "@centralcloud/queue";
import { pause } from "@centralcloud/service";
import type { Pool, PoolClient } from "pg";
import { recordAction } from "./actions/record-action.ts";
import { type CopyEvidence, findCopiedDeadLetters, findCopiedMessages } from "./find-copies.ts";
import { inTransaction } from "./transaction.ts";

export interface RenewOptions extends Omit<CopyEvidence, "sourceId"> {
  readonly source: IdentifiedSource;
  readonly address: string;
  /** Whether the central store has its id for another database. */
  readonly isRefused: boolean;
  readonly pool: Pool;
  readonly request: ActionRequest;
  readonly name?: string;
}

export interface RenewReport {
  readonly id: string;
  readonly name: string;
  /** Messages that the original has, or had: set aside in the archive. */
  readonly copies: number;
  /** Messages that stay in their queues: they are consumed under the new id. */
  readonly kept: number;
  /** Those of them that the original may have delivered, too: nothing tells. Their patterns may count twice. */
  readonly undecided: number;
  /** Sessions whose message named the old id: the next sync sends them anew. */
  readonly resent: number;
  /** Dead letters that are the original's to judge: set aside in their archive. */
  readonly deadLetters: number;
  /** Dead letters that stay: the original does not have them. */
  readonly keptDeadLetters: number;
}

/** It has its id rightly. */
export class NotACopyError extends Error {
  readonly code = "not_a_copy";
  constructor(address: string) {
    super(
      `${address} is the source that the central store knows by its id: with another id, every message that waits in it would count as another source's`,
    );
    this.name = "NotACopyError";
  }
}

/** Messages wait of which nobody knows whether the original sends them, too. */
export class UndecidedCopiesError extends Error {
  readonly code = "undecided_copies";
  constructor(count: number) {
    super(
      `${count} messages wait of which it is not known whether the original has them, too: configure the original beside the copy, or say when the copy was made by --cloned-at`,
    );
    this.name = "UndecidedCopiesError";
  }
}

/** Somebody else has given it another id since it was asked for its own. */
export class AlreadyRenewedError extends Error {
  readonly code = "already_renewed";
  constructor(address: string) {
    super(`${address} has got another id meanwhile; see \`centralcloud sources list\``);
    this.name = "AlreadyRenewedError";
  }
}

/** Moved at a time. */
const chunkSize = 5_000;

/** How long producers may be in the way, and how often it is looked whether they still are, in milliseconds. */
const timeoutMs = 10_000;
const againMs = 100;

/**
 * Gives a copy of a source an id of its own. What it has of the original's messages is the original's to deliver: it
 * is moved to the archives, and `copied_until` says that they hold another source's messages up to now. What was sent
 * here since stays, with a new time, since its old identity may be that of a message of the original's; and so does
 * what may have been sent here since.
 *
 * One transaction at the source, which producers wait for. Locks: `agent_sessions`, since a seal names the source's id:
 * a session that is sealed waits, or has been queued before; then the row of `singularity_source`; then the queues, by one
 * look each, since a producer that has a queue may wait for `agent_sessions`: if one has, all locks are let go of, and
 * taken again a moment later.
 *
 * @throws {NotACopyError} {@link UndecidedCopiesError} {@link AlreadyRenewedError} before anything is changed.
 */
export async function renewSource(options: RenewOptions): Promise<RenewReport> {
  const { source, address, pool, central, request } = options;
  if (!options.isRefused && (await isKnown(central, source.sourceId))) {
    throw new NotACopyError(address);
  }
  const { clonedAt } = options;
  const selection = { source: source.sourceId, address, ...(clonedAt ? { clonedAt } : {}) };
  return await recordAction(central, {
    kind: "renew-source",
    request,
    selection,
    failureOf: () => undefined,
    async work() {
      const report = await giveNewId(options);
      const renewed = await identifySource(pool);
      await adoptSource(central, renewed, address, "renewed", request.actor);
      return report;
    },
  });
}

async function giveNewId(options: RenewOptions): Promise<RenewReport> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await inTransaction(options.pool, (client) => renew(client, options));
    } catch (error) {
      if (codeOf(error) !== sqlState.lockNotAvailable || performance.now() > deadline) throw error;
      await pause(againMs, new AbortController().signal);
    }
  }
}

async function renew(client: PoolClient, options: RenewOptions): Promise<RenewReport> {
  const { sourceId } = options.source;
  await lock(client, options);
  const total = { copies: 0, kept: 0, undecided: 0, resent: 0, deadLetters: 0, keptDeadLetters: 0 };
  const evidence = { ...options, sourceId };
  const messages = new Map<QueueName, readonly string[]>();
  const deadLetters = new Map<QueueName, readonly string[]>();
  for (const queue of queueNames) {
    const found = await findCopiedMessages(client, queue, evidence);
    const foundDeadLetters = await findCopiedDeadLetters(client, queue, evidence);
    messages.set(queue, found.ids);
    deadLetters.set(queue, foundDeadLetters.ids);
    total.undecided += found.undecided + foundDeadLetters.undecided;
  }
  if (total.undecided > 0 && options.original === undefined) {
    throw new UndecidedCopiesError(total.undecided);
  }
  const { rows } = await client.query<{ id: string; name: string }>(
    `update public.singularity_source s
        set source_id = n.id, copied_until = clock_timestamp(),
            name = coalesce($1, s.name || '-' || left(n.id::text, 8))
       from (select gen_random_uuid() as id) n
      where s.source_id = $2
     returning s.source_id as id, s.name`,
    [options.name ?? null, sourceId],
  );
  const [renewed] = rows;
  if (renewed === undefined) throw new AlreadyRenewedError(options.address);
  for (const queue of queueNames) {
    const itsDeadLetters = deadLetterQueueOf(queue);
    total.copies += await setAside(client, queue, sourceId, messages.get(queue) ?? []);
    if (queue === "agent-sessions") total.resent += await sendAnew(client);
    const { rowCount } = await client.query(
      `update ${queueTable(queue, "q")} q set enqueued_at = clock_timestamp()`,
    );
    total.kept += rowCount ?? 0;
    total.deadLetters += await setAside(
      client,
      itsDeadLetters,
      sourceId,
      deadLetters.get(queue) ?? [],
    );
    const { rows: left } = await client.query<{ count: number }>(
      `select count(*)::integer as count from ${queueTable(itsDeadLetters, "q")}`,
    );
    total.keptDeadLetters += left[0]?.count ?? 0;
  }
  return { ...renewed, ...total };
}

async function lock(client: PoolClient, { source, address }: RenewOptions): Promise<void> {
  await client.query(`set local lock_timeout = '${timeoutMs}ms'`);
  await client.query("lock table public.agent_sessions in exclusive mode");
  const { rows } = await client.query(
    "select from public.singularity_source s where s.source_id = $1 for update",
    [source.sourceId],
  );
  if (rows.length === 0) throw new AlreadyRenewedError(address);
  const names = queueNames.flatMap((queue) => [queue, deadLetterQueueOf(queue)]);
  const tables = names.map((queue) => queueTable(queue, "q")).join(", ");
  await client.query(`lock table ${tables} in share row exclusive mode nowait`);
}

async function isKnown(central: Pool, sourceId: string): Promise<boolean> {
  const { rows } = await central.query(
    "select from central.sources s where s.source_id = $1 and s.database_oid is not null",
    [sourceId],
  );
  return rows.length > 0;
}

async function setAside(
  client: PoolClient,
  queue: string,
  from: string,
  copies: readonly string[],
): Promise<number> {
  for (let start = 0; start < copies.length; start += chunkSize) {
    await archive(client, queue, from, copies.slice(start, start + chunkSize));
  }
  return copies.length;
}

async function archive(
  client: PoolClient,
  queue: string,
  from: string,
  ids: readonly string[],
): Promise<void> {
  await client.query(
    `with gone as (
       delete from ${queueTable(queue, "q")} q
        where q.msg_id = any ($1::bigint[])
       returning q.msg_id, q.vt, q.read_ct, q.enqueued_at, q.message, q.headers
     )
     -- Where the archive has that id, it has this message, or one of an older queue; the original has it in any case.
     insert into ${queueTable(queue, "a")} (msg_id, vt, read_ct, enqueued_at, message, headers)
     select g.msg_id, g.vt, g.read_ct, g.enqueued_at, g.message,
            (case when jsonb_typeof(g.headers) = 'object' then g.headers else '{}' end)
              || jsonb_build_object('copied_from', $2::text)
       from gone g
     on conflict do nothing`,
    [ids, from],
  );
}

/** A seal names the source that it was made for: sessions that wait are sealed anew by the next sync. */
async function sendAnew(client: PoolClient): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `with waiting as (
       select s.id, q.msg_id
         from ${queueTable("agent-sessions", "q")} q
         join public.agent_sessions s on s.id::text = q.message ->> 'session_id'
     ), gone as (
       delete from ${queueTable("agent-sessions", "q")} q using waiting w where q.msg_id = w.msg_id
     ), marked as (
       update public.agent_sessions s set unsynced = true
        where s.id in (select w.id from waiting w)
       returning 1
     )
     select count(*)::integer as count from marked`,
  );
  return rows[0]?.count ?? 0;
}
