import type pg from "pg";

/** A pool, or one client (to be part of a transaction). */
export type Queryable = Pick<pg.Pool, "query">;
