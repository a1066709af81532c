import type { ClientBase } from "pg";
import type { Plane } from "../migrate/plane.ts";
import type { Verdict } from "./finding.ts";
import type { DoctorLimits } from "./limits.ts";

/** A database that has been reached, for as long as the checks run. */
export interface CheckedDatabase {
  readonly plane: Plane;
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
}

/** Looks at one database. What it must not see, or what fails, becomes a finding by itself. */
export interface Check {
  /** Stable: alerts and scripts may rely on it. */
  readonly name: string;
  /** Why it matters, in a sentence without a full stop. */
  readonly why: string;
  /** Where there is something to look at. */
  readonly planes: readonly Plane[];
  /** True where it reads our tables or views: then it is left out until the database is migrated. */
  readonly needsMigration: boolean;
  run(database: CheckedDatabase): Promise<readonly Verdict[]>;
}

/** Looks at several databases together: all that were reached and are migrated. */
export interface ComparingCheck {
  readonly name: string;
  readonly why: string;
  readonly planes: readonly Plane[];
  run(
    databases: readonly CheckedDatabase[],
  ): Promise<readonly { readonly database: CheckedDatabase; readonly verdict: Verdict }[]>;
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
