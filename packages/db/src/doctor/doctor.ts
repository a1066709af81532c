import pg from "pg";
import { connectionTo, DatabaseUnreachableError, messageOf, withoutSecrets } from "../connect.ts";
import type { Plane } from "../migrate/plane.ts";
import { type Check, type CheckedDatabase, type ComparingCheck, readRow } from "./check.ts";
import { checks, comparingChecks } from "./checks.ts";
import { error, type Finding, type Verdict, warning } from "./finding.ts";

export interface DoctorOptions {
  readonly sourceUrls: readonly string[];
  readonly centralUrl: string;
  /** The queues that each source should have. */
  readonly queues: readonly string[];
}

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
  const { sourceUrls, centralUrl, queues } = options;
  const targets = [
    ...sourceUrls.map((url) => ({ plane: "singularity" as const, url })),
    { plane: "central" as const, url: centralUrl },
  ];
  const findings: Finding[] = [];
  const unreachable: DatabaseUnreachableError[] = [];
  const reached: Reached[] = [];
  try {
    for (const { plane, url } of targets) {
      const database = `${plane} ${withoutSecrets(url)}`;
      try {
        reached.push(await reach(plane, url, database, queues));
      } catch (cause) {
        unreachable.push(new DatabaseUnreachableError(url, cause));
        const remedy = "see that the server runs, and that address, user and password are right";
        const verdict = error(`it can't be reached: ${messageOf(cause)}`, remedy);
        findings.push({ check: "reachable", database, ...verdict });
      }
    }
    for (const database of reached) findings.push(...(await runChecks(database)));
    for (const check of comparingChecks) findings.push(...(await compare(check, reached)));
  } finally {
    for (const { client } of reached) await client.end().catch(() => {});
  }
  const order = targets.map(({ plane, url }) => `${plane} ${withoutSecrets(url)}`);
  const place = ({ database }: Finding) => order.indexOf(database);
  return { findings: findings.sort((one, other) => place(one) - place(other)), unreachable };
}

async function reach(
  plane: Plane,
  url: string,
  name: string,
  queues: readonly string[],
): Promise<Reached> {
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
    return { plane, url, name, queues, client, isMigrated };
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
    findings.push(
      ...verdicts.map((verdict) => ({ check: check.name, database: database.name, ...verdict })),
    );
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
    return verdicts.map(({ database, verdict }) => ({
      check: check.name,
      database: database.name,
      ...verdict,
    }));
  } catch (cause) {
    return databases.map(({ name }) => ({
      check: check.name,
      database: name,
      ...explain(cause),
    }));
  }
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
