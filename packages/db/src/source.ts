import type { ClientBase, Pool } from "pg";

/** One Singularity database. */
export interface Source {
  readonly sourceId: string;
  readonly name: string;
}

/** The database has no identity row: it was never migrated, or is not a Singularity database. */
export class NotASourceError extends Error {
  readonly code = "not_a_source";
  constructor() {
    super(
      "the database has no row in public.singularity_source; run `centralcloud migrate --only singularity` on it",
    );
    this.name = "NotASourceError";
  }
}

/** @throws {NotASourceError} */
export async function readSource(source: Pool | ClientBase): Promise<Source> {
  const { rows: tables } = await source.query<{ found: boolean }>(
    "select to_regclass('public.singularity_source') is not null as found",
  );
  if (!tables[0]?.found) throw new NotASourceError();
  const { rows } = await source.query<Source>(
    `select s.source_id as "sourceId", s.name from public.singularity_source s`,
  );
  const [row] = rows;
  if (row === undefined) throw new NotASourceError();
  return row;
}
