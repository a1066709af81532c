import { type CheckedDatabase, readRow } from "../check.ts";
import { ok, type Verdict, warning } from "../finding.ts";
import { silenceS } from "./consumers.ts";

interface Budget {
  /** The same for all databases of one server. */
  readonly server: string;
  /** What others than superusers may have. */
  readonly available: number;
  /** Of programs that are not ours, to any database of the server. */
  readonly others: number;
  /** Limits of the database and of this login; -1: none. */
  readonly databaseLimit: number;
  readonly roleLimit: number;
}

/**
 * Whether each server has connections for all replicas of ours when all of them are busy, and for one
 * more, which a rolling upgrade needs.
 */
export async function checkConnections(
  databases: readonly CheckedDatabase[],
): Promise<{ database: CheckedDatabase; verdict: Verdict }[]> {
  const replicas = Math.max(1, await countReplicas(databases)) + 1;
  const budgets: { database: CheckedDatabase; budget: Budget; need: number }[] = [];
  for (const database of databases) {
    const need = replicas * database.connectionsPerReplica;
    budgets.push({ database, budget: await readBudget(database), need });
  }
  return budgets.map(({ database, budget, need }) => {
    const neighbours = budgets.filter((one) => one.budget.server === budget.server);
    const total = neighbours.reduce((sum, one) => sum + one.need, 0);
    return { database, verdict: judge(budget, need, total, replicas) };
  });
}

function judge(budget: Budget, need: number, total: number, replicas: number): Verdict {
  const { available, others, databaseLimit, roleLimit } = budget;
  const who = `${replicas} replicas (one more than now) may open ${need} connections to it`;
  const limit = Math.min(...[databaseLimit, roleLimit].filter((one) => one >= 0), Infinity);
  if (limit < need) {
    const message = `${who}, and its connection limit, or its login's, is ${limit}`;
    return warning(message, "alter database … connection limit, or alter role … connection limit");
  }
  const left = available - others;
  const onServer = `${total} to its server; ${left} of ${available} are left by others`;
  if (total <= left) return ok(`${who}, ${onServer}`);
  return warning(
    `${who}, ${onServer}: too few`,
    `alter system set max_connections = ${Math.ceil((total + others) * 1.25)}, restart the server; ` +
      "or lower CONSUMER_CONCURRENCY; or put a pooler in between (CONSUMER_TRANSACTION_POOLING=true)",
  );
}

async function countReplicas(databases: readonly CheckedDatabase[]): Promise<number> {
  const central = databases.find(({ plane }) => plane === "central");
  if (central === undefined) return 0;
  const { live } = await readRow<{ live: number }>(
    central.client,
    `select count(*)::integer as live from central.consumers c
      where c.last_seen_at > clock_timestamp() - make_interval(secs => $1)`,
    [silenceS],
  );
  return live;
}

async function readBudget({ client }: CheckedDatabase): Promise<Budget> {
  return await readRow<Budget>(
    client,
    `select pg_postmaster_start_time() || ' ' || current_setting('port') as server,
            current_setting('max_connections')::integer
              - current_setting('superuser_reserved_connections')::integer
              - coalesce(current_setting('reserved_connections', true)::integer, 0) as available,
            (select count(*)::integer from pg_stat_activity a
              where a.backend_type = 'client backend' and a.application_name not like 'centralcloud-%') as others,
            (select d.datconnlimit from pg_database d where d.datname = current_database()) as "databaseLimit",
            (select r.rolconnlimit from pg_roles r where r.rolname = current_user) as "roleLimit"`,
  );
}
