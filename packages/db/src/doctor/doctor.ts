import pg from "pg";
import { connectionTo, DatabaseUnreachableError, messageOf, withoutSecrets } from "../connect.ts";
import type { Plane } from "../migrate/plane.ts";
import { type Check, type CheckedDatabase, type ComparingCheck, readRow } from "./check.ts";
import { checks, comparingChecks } from "./checks.ts";
import { error, type Finding, type Verdict, warning } from "./finding.ts";
import { type DoctorLimits, defaultLimits } from "./limits.ts";

export interface DoctorOptions {
  readonly sourceUrls: readonly string[];
  readonly centralUrl: string;
  /** The queues that each source should have. */
  readonly queues: readonly string[];
  /** Connections that a replica may have open to each source, and to the central store; default 12 and 9. */
  readonly connectionsPerReplica?: Readonly<Record<Plane, number>>;
  readonly limits?: Partial<DoctorLimits>;
}

/** Of a replica with the default configuration and one source. */
const defaultConnections: Readonly<Record<Plane, number>> = { singularity: 12, central: 9 };

export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** One for each database that can't be reached; each is a finding, too. */
  readonly unreachable: readonly DatabaseUnreachableError[];
}

interface Reached extends CheckedDatabase {
  readonly client: pg.Client;
  readonly isMigrated: boolean;
}

/** Looks at every database, changes nothing, and says what is well and what is not. */
export async function diagnose(options: DoctorOptions): Promise<Diagnosis> {
  const { queues } = options;
  const targets = targetsOf(options);
  const findings: Finding[] = [];
  const unreachable: DatabaseUnreachableError[] = [];
  const reached: Reached[] = [];
  try {
    for (const { plane, url, name: database } of targets) {
      try {
        reached.push({
          plane,
          url,
          name: database,
          queues,
          connectionsPerReplica: (options.connectionsPerReplica ?? defaultConnections)[plane],
          limits: { ...defaultLimits, ...options.limits },
          ...(await reach(plane, url)),
        });
      } catch (cause) {
        unreachable.push(new DatabaseUnreachableError(url, cause));
        const remedy = "see that the server runs, and that address, user and password are right";
        const verdict = error(`it can't be reached: ${messageOf(cause)}`, remedy);
        const why = "nothing that needs it works";
        findings.push({ check: "reachable", database, why, ...verdict });
      }
    }
    for (const database of reached) findings.push(...(await runChecks(database)));
    for (const check of comparingChecks) findings.push(...(await compare(check, reached)));
  } finally {
    for (const { client } of reached) await client.end().catch(() => {});
  }
  const order = targets.map(({ name }) => name);
  const place = ({ database }: Finding) => order.indexOf(database);
  return { findings: findings.sort((one, other) => place(one) - place(other)), unreachable };
}

/** Every database that is looked at, by the name that findings have for it. */
export function targetsOf({
  sourceUrls,
  centralUrl,
}: DoctorOptions): readonly { plane: Plane; url: string; name: string }[] {
  const target = (plane: Plane, url: string) => {
    return { plane, url, name: `${plane} ${withoutSecrets(url)}` };
  };
  return [...sourceUrls.map((url) => target("singularity", url)), target("central", centralUrl)];
}

async function reach(plane: Plane, url: string): Promise<Pick<Reached, "client" | "isMigrated">> {
  const client = new pg.Client({
    ...connectionTo(url),
    application_name: "centralcloud-doctor",
    connectionTimeoutMillis: 5_000,
  });
  // The query that is under way, or the next one, rejects.
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query(
      "set default_transaction_read_only = on; set statement_timeout = '10s'; set lock_timeout = '2s'",
    );
    const isMigrated = await hasTable(client, plane);
    return { client, isMigrated };
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}

/** Whether there is what checks look at; by the catalogs, which are open to everybody. */
async function hasTable(client: pg.Client, plane: Plane): Promise<boolean> {
  const table = plane === "central" ? "central.sources" : "public.singularity_source";
  const { found } = await readRow<{ found: boolean }>(
    client,
    `select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                     where n.nspname || '.' || c.relname = $1) as found`,
    [table],
  );
  return found;
}

async function runChecks(database: Reached): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of checks) {
    if (!check.planes.includes(database.plane)) continue;
    if (check.needsMigration && !database.isMigrated) continue;
    const verdicts = await runCheck(check, database);
    findings.push(...verdicts.map((verdict) => findingOf(check, database, verdict)));
  }
  return findings;
}

async function runCheck(check: Check, database: Reached): Promise<readonly Verdict[]> {
  try {
    return await check.run(database);
  } catch (cause) {
    return [explain(cause)];
  }
}

async function compare(check: ComparingCheck, reached: readonly Reached[]): Promise<Finding[]> {
  const databases = reached.filter(
    ({ plane, isMigrated }) => isMigrated && check.planes.includes(plane),
  );
  try {
    const verdicts = await check.run(databases);
    return verdicts.map(({ database, verdict }) => findingOf(check, database, verdict));
  } catch (cause) {
    return databases.map((database) => findingOf(check, database, explain(cause)));
  }
}

function findingOf(
  { name, why }: Check | ComparingCheck,
  database: CheckedDatabase,
  verdict: Verdict,
): Finding {
  const reason = verdict.severity === "ok" ? {} : { why };
  return { check: name, database: database.name, ...verdict, ...reason };
}

/** A check that could not be made is a finding, and stops no other. */
function explain(cause: unknown): Verdict {
  const message = messageOf(cause);
  if ((cause as { code?: string }).code === "42501") {
    const remedy = "run doctor as the role that migrates: a member of centralcloud_owner";
    return warning(`this role may not see it: ${message}`, remedy);
  }
  return error(
    `it could not be checked: ${message}`,
    "see the server's log, then run doctor again",
  );
}
