import type { ClientBase } from "pg";

/** What the server's statistics say of a table: both are estimates. */
export interface TableStatistics {
  /** With its schema. */
  readonly table: string;
  readonly liveRows: number;
  /** Rows that are gone and take up room until vacuum has been there. */
  readonly deadRows: number;
}

/** Tables that do not exist are left out. @param tables as SQL writes them: `pgmq."q_agent-sessions"`. */
export async function readTableStatistics(
  client: ClientBase,
  tables: readonly string[],
): Promise<readonly TableStatistics[]> {
  const { rows } = await client.query<TableStatistics>(
    `select s.schemaname || '.' || s.relname as table, s.n_live_tup::float8 as "liveRows",
            s.n_dead_tup::float8 as "deadRows"
       from pg_stat_all_tables s
      where s.relid in (select to_regclass(t) from unnest($1::text[]) t)
      order by 1`,
    [tables],
  );
  return rows;
}

/** What keeps vacuum from removing dead rows of this database. */
export interface OldestSnapshot {
  /** Transactions that have begun on the server since the oldest snapshot that somebody holds. */
  readonly transactions: number;
  /** How long the oldest transaction has been open; null where this role may not see those of others. */
  readonly seconds: number | null;
}

/** Sessions, prepared transactions and the slots of standbys count; those of other databases do not. */
export async function readOldestSnapshot(client: ClientBase): Promise<OldestSnapshot> {
  const { rows } = await client.query<OldestSnapshot>(
    `with sessions as (
       select a.backend_xmin, a.xact_start
         from pg_stat_activity a
        where (a.datname = current_database() or a.datname is null)
          and a.backend_type <> 'autovacuum worker' and a.pid <> pg_backend_pid()
     )
     select greatest(
              (select max(age(s.backend_xmin)) from sessions s),
              (select max(age(r.xmin)) from pg_replication_slots r),
              (select max(age(p.transaction)) from pg_prepared_xacts p where p.database = current_database()),
              0)::float8 as transactions,
            case when pg_has_role('pg_read_all_stats', 'usage') then coalesce(
              (select extract(epoch from max(clock_timestamp() - s.xact_start)) from sessions s), 0)::float8
            end as seconds`,
  );
  return rows[0] as OldestSnapshot;
}
