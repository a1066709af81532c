import type { Slot } from "@centralcloud/cdc";
import type { CatalogState, IdentifiedSource, Records, Source } from "@centralcloud/db";
import type { Side } from "@centralcloud/postgres";
import type { KnownSessionKey } from "@centralcloud/session-keys";
import type { ClientBase } from "pg";
import type { ClockOffset } from "./clock-offset.ts";
import type { CheckResult } from "./finding.ts";
import type { DoctorLimits } from "./limits.ts";
import type { CheckedServer, DatabaseFacts } from "./server.ts";

/** One that is installed in a database. */
export interface Extension {
  readonly name: string;
  readonly version: string;
  /** The object identifier of the schema that has its functions. */
  readonly schema: number;
}

/** A database that has been reached; its connection ends when all checks have looked at it. */
export interface CheckedDatabase {
  readonly side: Side;
  /** As findings name it. */
  readonly name: string;
  readonly url: string;
  /** Reads only; a statement that takes longer than ten seconds fails. */
  readonly client: ClientBase;
  /** The queues that a Singularity database should have, beside their dead-letter queues. */
  readonly queues: readonly string[];
  /** Connections that a replica of ours may have open to it. */
  readonly connectionsPerReplica: number;
  readonly limits: DoctorLimits;
  /** What all databases of its server have in common. */
  readonly server: CheckedServer;
  /** As its server names it. */
  readonly databaseName: string;
  /** What it said when it was reached. */
  readonly facts: DatabaseFacts;
  /** What it says of what was applied to it. Read once. */
  readonly records: () => Promise<Records>;
  /** Whether a migration has found everything of ours as it should be, and nothing has changed since. Read once. */
  readonly state: () => Promise<CatalogState | undefined>;
  /** How far its clock is ahead of this machine's. Measured once. */
  readonly clock: () => Promise<ClockOffset>;
  /** Which source it is; only of a Singularity database. Read once. */
  readonly source: () => Promise<Source>;
  /** The same, and what its server says of itself. */
  readonly identity: () => Promise<IdentifiedSource>;
  /** The session keys that it has; only of a Singularity database. Read once. */
  readonly keys: () => Promise<readonly KnownSessionKey[]>;
  /** The extensions that it has, by name. Read once. */
  readonly extensions: () => Promise<ReadonlyMap<string, Extension>>;
  /** The slot that captures its changes. Read once. */
  readonly slot: () => Promise<Slot | undefined>;
  /** What a capture captures, where there is one. */
  readonly captured: CapturedNames;
  /** Whether a check, by its name, is to be made. */
  readonly isWanted: (check: string) => boolean;
}

/** Tables of `public`, or `schema.table`; and columns that are left out, as `table.column`. */
export interface CapturedNames {
  readonly names: readonly string[];
  readonly leftOut: readonly string[];
}

/** Looks at one database. What it must not see, or what fails, becomes a finding by itself. */
export interface Check {
  /** Stable: alerts and scripts may rely on it. */
  readonly name: string;
  /** Why it matters, in a sentence without a full stop. */
  readonly why: string;
  /** Where there is something to look at. */
  readonly sides: readonly Side[];
  /** True where it reads our tables or views: then it is left out until the database is migrated. */
  readonly needsMigration: boolean;
  /** It makes connections of its own, which behind a pooler might wait for the end of the doctor's transaction. */
  readonly connects?: true;
  run(database: CheckedDatabase): Promise<readonly CheckResult[]>;
}

/** What one database says, for a comparison with the others. */
export interface DatabaseFact<Fact> {
  readonly database: CheckedDatabase;
  readonly fact: Fact;
}

/** What a comparison says, and of which of the databases. */
export interface DatabaseCheckResult {
  readonly database: CheckedDatabase;
  readonly checkResult: CheckResult;
}

/**
 * Compares several databases: all that were reached and are migrated. Each is asked by itself, so that no connection is
 * kept for the others' sake.
 */
export interface ComparingCheck<Fact = unknown> {
  readonly name: string;
  readonly why: string;
  readonly sides: readonly Side[];
  gather(database: CheckedDatabase): Promise<Fact>;
  /** @param facts of those that could say it, in the order in which they are shown. */
  compare(facts: readonly DatabaseFact<Fact>[]): readonly DatabaseCheckResult[];
}

/** The only row of a query that has one. */
export async function readRow<Row extends object>(
  client: ClientBase,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row> {
  const { rows } = await client.query<Row>(text, [...values]);
  const [row] = rows;
  if (row === undefined) throw new Error("the query has no result");
  return row;
}
