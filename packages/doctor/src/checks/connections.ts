import {
  type CheckedDatabase,
  type DatabaseCheckResult,
  type DatabaseFact,
  readRow,
} from "../check.ts";
import { type CheckResult, ok, warning } from "../finding.ts";
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

/** What a database has room for, and, of the central store, how many replicas are at work. */
export interface ConnectionFact {
  readonly budget: Budget;
  readonly replicas: number;
}

export async function gatherConnections(database: CheckedDatabase): Promise<ConnectionFact> {
  return { budget: await readBudget(database), replicas: await countReplicas(database) };
}

/**
 * Whether each server has connections for all replicas of ours when all of them are busy, and for one
 * more, which a rolling upgrade needs.
 */
export function compareConnections(
  facts: readonly DatabaseFact<ConnectionFact>[],
): readonly DatabaseCheckResult[] {
  const replicas = Math.max(1, ...facts.map(({ fact }) => fact.replicas)) + 1;
  const needOf = ({ connectionsPerReplica }: CheckedDatabase) => replicas * connectionsPerReplica;
  const totals = new Map<string, number>();
  for (const { database, fact } of facts) {
    const { server } = fact.budget;
    totals.set(server, (totals.get(server) ?? 0) + needOf(database));
  }
  return facts.map(({ database, fact: { budget } }) => {
    const total = totals.get(budget.server) ?? 0;
    return { database, checkResult: judge(budget, needOf(database), total, replicas) };
  });
}

function judge(budget: Budget, need: number, total: number, replicas: number): CheckResult {
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

async function countReplicas({ client, side }: CheckedDatabase): Promise<number> {
  if (side !== "central") return 0;
  const { live } = await readRow<{ live: number }>(
    client,
    `select count(*)::integer as live from central.consumers c
      where c.last_seen_at between clock_timestamp() - make_interval(secs => $1)
                               and clock_timestamp() + make_interval(secs => $1)`,
    [silenceS],
  );
  return live;
}

async function readBudget({ client, server, databaseName }: CheckedDatabase): Promise<Budget> {
  const budgets = await server.query<Budget & { database: string }>(
    client,
    `select d.datname as database, d.datconnlimit as "databaseLimit", s.*
       from pg_database d
      cross join (select pg_postmaster_start_time() || ' ' || current_setting('port') as server,
            current_setting('max_connections')::integer
              - current_setting('superuser_reserved_connections')::integer
              - coalesce(current_setting('reserved_connections', true)::integer, 0) as available,
            (select count(*)::integer from pg_stat_activity a
              where a.backend_type = 'client backend' and a.application_name not like 'centralcloud-%') as others,
            (select r.rolconnlimit from pg_roles r where r.rolname = current_user) as "roleLimit"
       ) s`,
  );
  const budget = budgets.find(({ database }) => database === databaseName);
  if (budget === undefined)
    throw new Error(`the server does not know the database ${databaseName}`);
  return budget;
}
