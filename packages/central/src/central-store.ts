import type { Source } from "@centralcloud/db";
import type { MergeResult } from "@centralcloud/lane";
import pg, { type ClientBase, type Pool } from "pg";
import { identities } from "./deliveries.ts";
import { foldPatterns } from "./fold-patterns.ts";

/** Messages of one source and queue, ready to be merged. */
export interface MergeBatch {
  readonly sourceId: string;
  readonly queue: string;
  readonly messages: readonly {
    readonly msgId: string;
    readonly enqueuedAt: string;
    /** The JSON text of the message's object, as it was sent. */
    readonly document: string;
  }[];
}

/** The database has no central store: it was never migrated, or is another one. */
export class NotACentralStoreError extends Error {
  readonly code = "not_a_central_store";
  /** @param database as whoever reads it knows it. */
  constructor(database = "the database") {
    super(
      `${database} is not migrated, as it has no central store: run \`centralcloud migrate --only central\``,
    );
    this.name = "NotACentralStoreError";
  }
}

/** @throws {NotACentralStoreError} */
export async function assertCentralStore(central: Pool): Promise<void> {
  const { rows } = await central.query<{ found: boolean }>(
    "select to_regclass('central.processed_messages') is not null as found",
  );
  if (!rows[0]?.found) throw new NotACentralStoreError();
}

/** Makes a source known to a central store of the version before, which does not ask what its server is. */
export async function registerSource(central: Pool | ClientBase, source: Source): Promise<void> {
  await central.query("select central.register_source(p_source_id => $1, p_name => $2)", [
    source.sourceId,
    source.name,
  ]);
}

export interface MergeOptions {
  /** Called at the last moment before the statement is sent; when it throws, nothing is sent. */
  readonly beforeSend?: () => void;
  /** Whether the statement is prepared once a connection; default true. */
  readonly prepare?: boolean;
}

export type Merge = (
  central: Pool,
  batch: MergeBatch,
  options?: MergeOptions,
) => Promise<MergeResult>;

export const mergeSessions: Merge = (...of) => mergeDocuments("merge_sessions", ...of);
export const mergeKnowledge: Merge = (...of) => mergeDocuments("merge_knowledge", ...of);

/** Takes messages apart here where that is possible; see {@link foldPatterns}. */
export const mergePatterns: Merge = async (central, batch, options) => {
  const merged = await mergeFolded(central, batch, options);
  return merged ?? (await mergeDocuments("merge_patterns", central, batch, options));
};

/** Merges that do more than send documents to their function. */
const ownMerges: Readonly<Record<string, Merge>> = { merge_patterns: mergePatterns };

/** The merge that a function of the schema `central` does. */
export function mergeBy(functionName: string): Merge {
  return ownMerges[functionName] ?? ((...of) => mergeDocuments(functionName, ...of));
}

/** How long a central store of the version before, which takes no messages apart, is not asked again. */
const olderForMs = 60_000;

/** Until when, by the monotonic clock. */
const olderUntil = new WeakMap<Pool, number>();

/** Undefined where nothing was merged, and the messages must be sent as they are. */
async function mergeFolded(
  central: Pool,
  { sourceId, queue, messages }: MergeBatch,
  options?: MergeOptions,
): Promise<MergeResult | undefined> {
  if (messages.length === 0 || performance.now() < (olderUntil.get(central) ?? 0)) return undefined;
  const folded = foldPatterns(messages.map(({ document }) => document));
  if (folded === undefined) return undefined;
  const text = `select m.merged, m.duplicates from central.merge_patterns(
    p_source_id => $1, p_queue => $2, p_msg_ids => $3, p_enqueued_ats => $4, p_fingerprints => $5, p_agent_ids => $6,
    p_confidences => $7, p_learned_ats => $8, p_pattern_fingerprints => $9, p_patterns => $10) m`;
  const values = [sourceId, queue, ...identities(messages), ...folded];
  try {
    const counts = await callMerge(
      central,
      { name: "merge_folded_patterns", text, values },
      options,
    );
    // The ledger knows one of them.
    return counts.merged === null ? undefined : counts;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError && error.code === "42883")) throw error;
    olderUntil.set(central, performance.now() + olderForMs);
    return undefined;
  }
}

async function mergeDocuments(
  name: string,
  central: Pool,
  { sourceId, queue, messages }: MergeBatch,
  options?: MergeOptions,
): Promise<MergeResult> {
  const text = `select m.merged, m.duplicates from central.${name}(
      p_source_id => $1, p_queue => $2, p_msg_ids => $3, p_enqueued_ats => $4, p_messages => $5) m`;
  const values = [sourceId, queue, ...identities(messages), jsonArrayOf(messages)];
  return (await callMerge(central, { name, text, values }, options)) as MergeResult;
}

/** One statement, so one transaction and one round trip. */
async function callMerge(
  central: Pool,
  {
    name,
    ...statement
  }: { readonly name: string; readonly text: string; readonly values: unknown[] },
  { beforeSend, prepare = true }: MergeOptions = {},
): Promise<MergeResult | { readonly merged: null }> {
  const query = { ...(prepare ? { name } : {}), ...statement };
  // Waiting for a connection can take long, so what must hold when it is sent is asked after it.
  const client = await central.connect();
  let unusable = true;
  try {
    beforeSend?.();
    const { rows } = await client.query<MergeResult | { readonly merged: null }>(query);
    unusable = false;
    const [counts] = rows;
    if (counts === undefined) throw new Error(`${name} returned no row`);
    return counts;
  } catch (error) {
    // A refusal leaves the connection as it was. A server that became read-only is left, to find the new primary.
    unusable = !(error instanceof pg.DatabaseError && error.code !== "25006");
    throw error;
  } finally {
    client.release(unusable);
  }
}

/** The documents are JSON texts already: joined, they are one JSON text, and no number is touched. */
function jsonArrayOf(messages: MergeBatch["messages"]): string {
  const documents = messages.map(({ document }) => document);
  if (documents.length === 0) return "[]";
  // The brackets are part of what is joined: put around it, they would have all of it copied once more.
  documents[0] = `[${documents[0]}`;
  documents[documents.length - 1] += "]";
  return documents.join(",");
}
