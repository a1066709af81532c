import { codeOf, messageOf, type Side, sqlState } from "@centralcloud/postgres";
import type { ClientBase } from "pg";
import { giveToOwner } from "../migrate/ownership.ts";
import type { Difference } from "./compare.ts";
import { describeDifference, describeRights } from "./describe.ts";
import { type Drift, findDrift } from "./find-drift.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import { repairStatements, replacingStatements } from "./repair-statements.ts";
import type { RightsDifference } from "./rights.ts";

/** What was wrong with a database, in words. */
export interface RepairResult {
  readonly repaired: readonly string[];
  readonly remaining: readonly Remaining[];
}

export interface Remaining {
  readonly what: string;
  readonly reason: string;
  /** Whether an administrator could repair it: this role may not. */
  readonly isForbidden: boolean;
}

type Refusal = Omit<Remaining, "what">;

/** Which differences are repaired: all, or only those of tables, which functions and views need. */
export type RepairScope = "everything" | "tables";

/** What comes back in one pass may need another: a table its grants, a role its right to them. */
const passesAtMost = 5;

/**
 * Makes of a database what a fresh migration makes, in the caller's transaction. Each repair that fails is undone
 * by itself, and is among what remains.
 */
export async function repairDrift(
  side: Side,
  client: ClientBase,
  scope: RepairScope = "everything",
): Promise<RepairResult> {
  const manifest = readManifest(side);
  const wrong = new Set<string>();
  const refusals = new Map<string, Refusal>();
  const look = async () => narrow(await findDrift(side, client), scope);
  let drift = await look();
  let previous: string[] = [];
  for (let pass = 0; pass < passesAtMost && hasAny(drift); pass += 1) {
    const found = describeAll(drift);
    if (found.join("\n") === previous.join("\n")) break;
    if (pass === 0) for (const what of found) wrong.add(what);
    previous = found;
    await client.query("set local check_function_bodies = off");
    for (const difference of drift.differences) {
      const refusal = await repair(side, client, manifest, difference);
      if (refusal !== undefined) refusals.set(describeDifference(difference), refusal);
    }
    for (const right of drift.rights) {
      const refusal = await attempt(client, right.statements);
      if (refusal !== undefined) refusals.set(describeRights(right), refusal);
    }
    await giveToOwner(side, client);
    drift = await look();
  }
  const remaining = (await withoutForeignDatabase(client, drift)).map((what) => {
    return { what, ...(refusals.get(what) ?? ignored) };
  });
  return { repaired: [...wrong].filter((what) => !describeAll(drift).includes(what)), remaining };
}

/** Who may grant nothing is only warned by PostgreSQL. */
const ignored: Refusal = { reason: "this role may not", isForbidden: true };

function narrow(drift: Drift, scope: RepairScope): Drift {
  if (scope === "everything") return drift;
  const differences = drift.differences.filter(
    ({ object, property = "" }) =>
      /^(schema|table (?!pgmq))/.test(object) && /^($|column |constraint |index )/.test(property),
  );
  return { differences, rights: [] };
}

function hasAny({ differences, rights }: Drift): boolean {
  return differences.length + rights.length > 0;
}

/** Everything that differs, in words. */
export function describeAll({ differences, rights }: Drift): string[] {
  return [...differences.map(describeDifference), ...rights.map(describeRights)];
}

async function repair(
  side: Side,
  client: ClientBase,
  manifest: Manifest,
  difference: Difference,
): Promise<Refusal | undefined> {
  const statements = repairStatements(side, manifest, difference);
  if (statements.length === 0) {
    return {
      reason: "that can't be changed without a decision about its data",
      isForbidden: false,
    };
  }
  const refusal = await attempt(client, statements);
  const replacing = refusal === undefined ? [] : replacingStatements(side, difference);
  return replacing.length === 0 ? refusal : await attempt(client, replacing);
}

/** @returns why not where PostgreSQL refused; what is nobody's fault, such as a lock, is thrown. */
async function attempt(
  client: ClientBase,
  statements: readonly string[],
): Promise<Refusal | undefined> {
  await client.query("savepoint repair");
  try {
    for (const statement of statements) await client.query(statement);
    await client.query("release savepoint repair");
    return undefined;
  } catch (error) {
    if (!/^(0A|22|23|2B|42|55000|55006|P0)/.test(codeOf(error) ?? "")) throw error;
    await client.query("rollback to savepoint repair; release savepoint repair");
    const isForbidden = codeOf(error) === sqlState.insufficientPrivilege;
    return { reason: messageOf(error), isForbidden };
  }
}

/** Only who may pass it on can let our owner create in a database; the doctor says that it is missing. */
async function withoutForeignDatabase(client: ClientBase, drift: Drift): Promise<string[]> {
  const isOfDatabase = ({ object }: RightsDifference) => object.startsWith("database ");
  if (!drift.rights.some(isOfDatabase)) return describeAll(drift);
  const { rows } = await client.query<{ mayGrant: boolean }>(
    `select has_database_privilege(current_database(), 'create with grant option') as "mayGrant"`,
  );
  if (rows[0]?.mayGrant) return describeAll(drift);
  return describeAll({ ...drift, rights: drift.rights.filter((right) => !isOfDatabase(right)) });
}
