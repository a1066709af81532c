import type { CheckedDatabase } from "../check.ts";
import { type CheckResult, ok, warning } from "../finding.ts";

interface OpenTransaction {
  readonly pid: number;
  readonly who: string;
  readonly state: string | null;
  readonly ageS: number;
}

/** Transactions that have been open for long: vacuum keeps everything that they might still see. */
export async function checkSnapshots(database: CheckedDatabase): Promise<CheckResult[]> {
  const { client, server, databaseName, limits } = database;
  const isHere = (one: { readonly database: string }) => one.database === databaseName;
  const transactions = await server.query<OpenTransaction & { database: string }>(
    client,
    `select a.pid, concat_ws(' of ', nullif(a.application_name, ''), a.usename) as who, a.state, a.datname as database,
            extract(epoch from clock_timestamp() - a.xact_start)::integer as "ageS"
       from pg_stat_activity a
      where a.backend_type = 'client backend' and a.application_name <> 'centralcloud-doctor'
        and a.xact_start <= clock_timestamp() - make_interval(secs => ${limits.transactionS})
      order by a.xact_start`,
  );
  const waiting = await server.query<{
    gid: string;
    owner: string;
    database: string;
    ageS: number;
  }>(
    client,
    `select p.gid, p.owner, p.database, extract(epoch from clock_timestamp() - p.prepared)::integer as "ageS"
       from pg_prepared_xacts p
      where p.prepared <= clock_timestamp() - make_interval(secs => ${limits.preparedTransactionS})
      order by p.prepared`,
  );
  const [open, prepared] = [transactions.filter(isHere), waiting.filter(isHere)];
  const checkResults = [
    ...open.map(({ pid, who, state, ageS }) =>
      warning(
        `a transaction has been open for ${ageS} s (${who}, process ${pid}, ${state})`,
        `let it end; or, if nobody misses it: select pg_terminate_backend(${pid})`,
      ),
    ),
    ...prepared.map(({ gid, owner, ageS }) => {
      const id = `'${gid.replaceAll("'", "''")}'`;
      return warning(
        `the prepared transaction ${id} of ${owner} has waited for its end for ${ageS} s`,
        `whoever prepared it must decide: commit prepared ${id}, or rollback prepared ${id}`,
      );
    }),
  ];
  if (checkResults.length > 0) return checkResults;
  const rows = await server.query<{ visible: boolean }>(
    client,
    "select pg_has_role('pg_read_all_stats', 'usage') as visible",
  );
  const reservation = rows[0]?.visible ? "" : " (this role sees those of its own only)";
  return [ok(`no transaction has been open for ${limits.transactionS} s${reservation}`)];
}
