import { codeOf } from "@centralcloud/postgres";
import type { Pool } from "pg";
import { readSource, type Source } from "./source.ts";

/** What the server of a source says of itself. It is believed no further than SECURITY.md says. */
export interface ServerFacts {
  /** Of the cluster, since its initdb; a physical copy has the same. Null where the server does not tell it. */
  readonly systemId: string | null;
  readonly databaseOid: number;
  /** Null on a standby. */
  readonly timeline: number | null;
  /** When the server was started, in ISO 8601 with microseconds: no copy has the same. */
  readonly startedAt: string;
  readonly isStandby: boolean;
  /** Its clock when it was asked, in ISO 8601 with microseconds. */
  readonly clock: string;
}

/** A database that says who it is, and on which server. */
export interface IdentifiedSource extends Source {
  readonly server: ServerFacts;
}

/** The server's answer is none that PostgreSQL would give. */
export class ServerFactsError extends Error {
  readonly code = "server_facts";
  constructor() {
    super(
      "the server does not say what it is: its system functions have other answers than PostgreSQL's",
    );
    this.name = "ServerFactsError";
  }
}

type Queryable = Pick<Pool, "query">;

const instantOf = (time: string) =>
  `to_char(${time} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const startedAt = instantOf("pg_postmaster_start_time()");
const clock = instantOf("clock_timestamp()");
const databaseOid =
  "(select d.oid::bigint::text from pg_database d where d.datname = current_database())";

/** Whether a text is a moment as these questions ask for it; a source may answer with anything. */
export function isInstant(text: string): boolean {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
  return form.test(text) && !Number.isNaN(Date.parse(text));
}

/** @throws {NotASourceError} {@link ServerFactsError} */
export async function identifySource(source: Queryable): Promise<IdentifiedSource> {
  return { ...(await readSource(source)), server: await readServerFacts(source) };
}

/** @throws {ServerFactsError} */
export async function readServerFacts(source: Queryable): Promise<ServerFacts> {
  // The timeline of the log that is written now: pg_control_checkpoint() tells that of the last checkpoint.
  const { rows } = await source.query<{
    startedAt: string;
    databaseOid: string;
    isStandby: boolean;
    timeline: string | null;
    tellsSystemId: boolean | null;
    clock: string;
  }>(
    `select ${startedAt} as "startedAt", ${databaseOid} as "databaseOid", pg_is_in_recovery() as "isStandby",
            case when not pg_is_in_recovery()
                 then (('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int)::text end as timeline,
            has_function_privilege(to_regprocedure('pg_control_system()'), 'execute') as "tellsSystemId",
            ${clock} as clock`,
  );
  const [row] = rows;
  const facts = {
    systemId: row?.tellsSystemId === true ? await readSystemId(source) : null,
    databaseOid: Number(row?.databaseOid),
    timeline: row?.timeline == null ? null : Number(row.timeline),
    startedAt: String(row?.startedAt),
    isStandby: row?.isStandby === true,
    clock: String(row?.clock),
  };
  const isWhole =
    Number.isSafeInteger(facts.databaseOid) &&
    (facts.timeline === null || Number.isSafeInteger(facts.timeline)) &&
    (facts.systemId === null || /^\d{1,20}$/.test(facts.systemId)) &&
    isInstant(facts.startedAt) &&
    isInstant(facts.clock);
  if (!isWhole) throw new ServerFactsError();
  return facts;
}

/** Everybody may ask for it, unless somebody took that right away; some services that run servers do not tell it. */
async function readSystemId(source: Queryable): Promise<string | null> {
  try {
    const { rows } = await source.query<{ id: string }>(
      "select system_identifier::text as id from pg_control_system()",
    );
    return rows[0]?.id ?? null;
  } catch (error) {
    // Not supported, or refused in words of the service's own.
    if (/^(42|0A|P0|XX)/.test(codeOf(error) ?? "")) return null;
    throw error;
  }
}

/** What a connection is asked before it is used: which source it leads to, and to which running server. */
export interface ConnectionFacts {
  readonly sourceId: string;
  readonly databaseOid: string;
  readonly startedAt: string;
  /** Its clock when it was asked, in ISO 8601 with microseconds, if what it says is a time. */
  readonly clock: string;
}

/** One statement; undefined where the database says nothing of the kind. */
export async function readConnectionFacts(client: Queryable): Promise<ConnectionFacts | undefined> {
  const { rows } = await client.query<ConnectionFacts>(
    `select s.source_id as "sourceId", ${databaseOid} as "databaseOid", ${startedAt} as "startedAt",
            ${clock} as clock
       from public.singularity_source s limit 1`,
  );
  return rows[0];
}
