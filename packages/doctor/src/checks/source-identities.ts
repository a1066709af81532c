import type { IdentifiedSource } from "@centralcloud/db";
import { withoutSecrets } from "@centralcloud/postgres";
import { shellWord } from "@centralcloud/service";
import type { ClientBase } from "pg";
import {
  type CheckedDatabase,
  type DatabaseCheckResult,
  type DatabaseFact,
  readRow,
} from "../check.ts";
import { type CheckResult, error, ok, warning } from "../finding.ts";

/** A source as the central store knows it; one that an older version registered has no server. */
export interface KnownSource {
  readonly source_id: string;
  readonly name: string;
  readonly system_id?: string | null;
  readonly database_oid?: number | null;
  readonly timeline?: number | null;
  readonly server_started_at?: string | null;
  readonly addresses?: readonly string[];
  /** From where its changes were captured since; null where none were, or this login may not see it. */
  readonly captured?: { readonly system_id: string; readonly timeline: number } | null;
}

/** What a source says of itself, or the central store of all. */
export type IdentityFact = IdentifiedSource | { readonly known: readonly KnownSource[] };

export async function gatherIdentities({
  side,
  client,
  identity,
}: CheckedDatabase): Promise<IdentityFact> {
  return side === "source" ? await identity() : { known: await readKnownSources(client) };
}

export async function readKnownSources(client: ClientBase): Promise<readonly KnownSource[]> {
  const { mayRead } = await readRow<{ mayRead: boolean | null }>(
    client,
    `select has_table_privilege(to_regclass('central.capture_cursors'), 'select') as "mayRead"`,
  );
  const captured = mayRead
    ? `(select jsonb_build_object('system_id', c.system_id, 'timeline', c.timeline)
          from central.capture_cursors c
         where c.source_id = s.source_id
           and c.seen_at > coalesce((to_jsonb(s) ->> 'decided_at')::timestamptz, '-infinity'))`
    : "null";
  // By way of JSON, since a store of the version before knows less.
  const { rows } = await client.query<{ source: KnownSource }>(
    `select to_jsonb(s) || jsonb_build_object('captured', ${captured}) as source from central.sources s`,
  );
  return rows.map(({ source }) => source);
}

interface Identified extends IdentifiedSource {
  readonly database: CheckedDatabase;
  readonly address: string;
}

/**
 * Whether each source has an id and a name of its own: beside the others that are configured, and by what the central
 * store knows. Two sources with one identity would be one in it: messages of one would hide the other's.
 */
export function compareIdentities(
  facts: readonly DatabaseFact<IdentityFact>[],
): readonly DatabaseCheckResult[] {
  const known = new Map(
    facts
      .flatMap(({ fact }) => ("known" in fact ? fact.known : []))
      .map((source) => [source.source_id, source]),
  );
  const sources = facts.flatMap(({ database, fact }): Identified[] =>
    "known" in fact ? [] : [{ ...fact, database, address: withoutSecrets(database.url) }],
  );
  const refusals = refusalsOf(sources, known);
  const accepted = sources.filter((source) => !refusals.has(source));
  const byId = groupBy(accepted, ({ sourceId }) => sourceId);
  const byName = groupBy(accepted, ({ name }) => name);
  return sources.map((source) => {
    const { database } = source;
    const other = (group: readonly Identified[] = []) =>
      group.find((one) => one !== source)?.database.name;
    const twin = other(byId.get(source.sourceId));
    const namesake = other(byName.get(source.name));
    return { database, checkResult: describe(source, refusals.get(source), twin, namesake) };
  });
}

/** Why those are not consumed whose id is another's, by what the central store knows and what is configured beside them. */
export function refusalsOf<One extends Pick<Identified, "address" | "server" | "sourceId">>(
  sources: readonly One[],
  known: ReadonlyMap<string, KnownSource>,
): ReadonlyMap<One, string> {
  return new Map(
    sources.flatMap((source): [One, string][] => {
      const twins = sources.filter((one) => one !== source && one.sourceId === source.sourceId);
      const addresses = new Set(twins.map(({ address }) => address));
      const refusal = judgeByFacts(source, known.get(source.sourceId), addresses);
      return refusal === undefined ? [] : [[source, refusal]];
    }),
  );
}

/**
 * As central.judge_source, which the consumers ask, but for what only they know: who is consumed now. Tests give both the
 * same cases.
 *
 * @param configured where else databases of that id are configured.
 */
export function judgeByFacts(
  { address, server }: Pick<Identified, "address" | "server">,
  known: KnownSource | undefined,
  configured: ReadonlySet<string>,
): string | undefined {
  if (known === undefined) return undefined;
  if (known.database_oid == null) return judgeByCapture(server, known);
  const { addresses: [first = "an unknown address"] = [] } = known;
  const owner = `its source_id ${known.source_id} is that of ${known.name} at ${first}`;
  const tells = server.systemId !== null && known.system_id != null;
  const isSameServer = !tells || server.systemId === known.system_id;
  const isSameDatabase = isSameServer && server.databaseOid === known.database_oid;
  const startedAt = Date.parse(known.server_started_at ?? "");
  const isBeside = address !== first && configured.has(first);
  if (isSameDatabase && Date.parse(server.startedAt) === startedAt) return undefined;
  const state = isBeside ? "conflict" : "moved";
  if (!isSameDatabase) return `(${state}): ${owner}, which is another database`;
  const [before, now] = [known.timeline ?? 0, server.timeline ?? known.timeline ?? 0];
  const captured = known.captured?.system_id === server.systemId ? known.captured?.timeline : 0;
  if (now < Math.max(before, captured ?? 0))
    return `(${state}): ${owner}, whose server is at a later timeline`;
  if (!known.addresses?.includes(address) && !(tells && now > before)) {
    return `(${state}): ${owner}; this is a copy of that server, or that server in another place`;
  }
  return isBeside ? `(conflict): ${owner}, which is configured, too` : undefined;
}

/** Nobody has told its server, but something was captured from one. */
function judgeByCapture(
  { systemId, timeline }: Identified["server"],
  { source_id, name, captured }: KnownSource,
): string | undefined {
  if (captured == null) return undefined;
  const isOther = systemId !== null && systemId !== captured.system_id;
  if (!isOther && (timeline ?? captured.timeline) >= captured.timeline) return undefined;
  return `(moved): its source_id ${source_id} is that of ${name}, whose changes were captured from the server ${captured.system_id} at timeline ${captured.timeline}`;
}

/** @param twin the first other database with the same identity, `namesake` with the same name. */
function describe(
  { address, sourceId, name, server }: Identified,
  refusal: string | undefined,
  twin: string | undefined,
  namesake: string | undefined,
): CheckResult {
  const remedy =
    `if the source has moved here or was restored: centralcloud sources adopt --source ${shellWord(address)}; ` +
    `if this is a copy that lives on by itself: centralcloud sources renew --source ${shellWord(address)}; ` +
    "if one database is configured twice: name it once in SOURCE_DATABASE_URLS";
  if (refusal !== undefined) return error(`it is not consumed, nor captured ${refusal}`, remedy);
  if (twin !== undefined) {
    return error(`it has the same source_id as ${twin}: ${sourceId}`, remedy);
  }
  if (namesake !== undefined) {
    const rename = "update public.singularity_source set name = 'a name of its own'";
    return warning(`${namesake} is named ${name}, too`, rename);
  }
  const place =
    server.systemId === null
      ? "its server tells no system identifier, so it is known by its address: name it the same in each configuration"
      : `database ${server.databaseOid} of the server ${server.systemId}, timeline ${server.timeline ?? "unknown"}`;
  return ok(`source ${name}, ${sourceId}; ${place}`);
}

function groupBy(
  sources: readonly Identified[],
  keyOf: (source: Identified) => string,
): ReadonlyMap<string, readonly Identified[]> {
  const groups = new Map<string, Identified[]>();
  for (const one of sources) {
    const key = keyOf(one);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return groups;
}
