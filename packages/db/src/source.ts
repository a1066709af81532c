import { codeOf, sqlState } from "@centralcloud/postgres";
import type { Pool } from "pg";

/** One Singularity database. */
export interface Source {
  readonly sourceId: string;
  readonly name: string;
}

/** The database has no identity row: it was never migrated, or is not a Singularity database. */
export class NotASourceError extends Error {
  readonly code = "not_a_source";
  /** @param database as whoever reads it knows it. */
  constructor(database = "the database") {
    super(
      `${database} is not migrated, as it has no row in public.singularity_source: run \`centralcloud migrate --only singularity\``,
    );
    this.name = "NotASourceError";
  }
}

/** What the database says of itself can't be a source's identity; the message says why. */
export class UnfitSourceError extends Error {
  readonly code = "source_unfit";
  constructor(problem: string) {
    super(`public.singularity_source ${problem}`);
    this.name = "UnfitSourceError";
  }
}

/** Characters of a source's name; its table and the central store refuse longer ones, too. */
const longestSourceName = 200;

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** @throws {NotASourceError} {@link UnfitSourceError} */
export async function readSource(source: Pick<Pool, "query">): Promise<Source> {
  // The table is the source's: there may be a view in its place, whose rows have no end.
  const { rows } = await source
    .query<Record<keyof Source, unknown>>(
      `select s.source_id::text as "sourceId", left(s.name::text, ${longestSourceName} + 1) as name
         from public.singularity_source s limit 1`,
    )
    .catch((error: unknown) => {
      throw codeOf(error) === sqlState.undefinedTable ? new NotASourceError() : error;
    });
  const [row] = rows;
  if (row === undefined) throw new NotASourceError();
  const { sourceId, name } = row;
  if (typeof sourceId !== "string" || !uuid.test(sourceId)) {
    throw new UnfitSourceError("has a source_id that is no uuid");
  }
  if (typeof name !== "string" || name === "") throw new UnfitSourceError("has no name");
  if ([...name].length > longestSourceName) {
    throw new UnfitSourceError(`has a name of more than ${longestSourceName} characters`);
  }
  return { sourceId, name };
}
