import type { Manifest } from "./manifest.ts";
import { type Catalog, readsRecords } from "./read-catalog.ts";

/** One thing that a fresh migration would have made otherwise. */
export interface Difference {
  readonly object: string;
  /** Absent where the whole object is missing. */
  readonly property?: string;
  /** Absent where it should not be there. */
  readonly expected?: string;
  /** Absent where it is missing. */
  readonly actual?: string;
  /** The object's, quoted where it has to be. */
  readonly owner?: string;
}

/**
 * What differs, in the order in which it can be repaired. What others have added counts only where it gives our
 * roles more than they should have, or keeps a table of ours from being vacuumed; their own indexes, triggers,
 * columns and grants to their own roles are none of our business. Owners are looked at by ownership.ts.
 */
export function compareCatalogs({ objects }: Manifest, actual: Catalog): readonly Difference[] {
  const differences = Object.entries(objects).flatMap(([object, facts]) =>
    compareObject(object, facts, actual),
  );
  for (const [object, facts] of Object.entries(actual)) {
    for (const [property, value] of Object.entries(facts)) {
      if (objects[object]?.[property] !== undefined || !isTooMuch(property, value)) continue;
      differences.push({ object, property, actual: value });
    }
  }
  return differences.sort((one, other) => turnOf(one) - turnOf(other));
}

function compareObject(
  object: string,
  facts: Readonly<Record<string, string>>,
  actual: Catalog,
): Difference[] {
  const found = actual[object];
  if (/^(job|queue) /.test(object) && !readsRecords(actual)) return [];
  // The schema is pgmq's; only our default privileges in it are compared.
  if (found === undefined && object !== "schema pgmq") {
    // A sequence is a part of its column, which is missing then, or differs.
    return object.startsWith("sequence ") ? [] : [{ object }];
  }
  return Object.entries(facts).flatMap(([property, expected]) => {
    const value = found?.[property];
    if (value === expected || property === "owner") return [];
    const role = /grants (?:on tables )?to (centralcloud_\w+)$/.exec(property)?.[1];
    // A role that does not exist yet is granted what it needs once it does; who owns a table may do everything.
    if (role !== undefined && (!hasRole(actual, role) || found?.owner === role)) return [];
    const owner = found?.owner;
    return [
      {
        object,
        property,
        expected,
        ...(value === undefined ? {} : { actual: value }),
        ...(owner === undefined ? {} : { owner }),
      },
    ];
  });
}

function hasRole(catalog: Catalog, role: string): boolean {
  return catalog[`role ${role}`] !== undefined;
}

/** Whether it does harm that a database has this, which a fresh one has not. */
function isTooMuch(property: string, value: string): boolean {
  if (property.startsWith("grants to ")) return true;
  if (property === "option autovacuum_enabled") return !/^(on|true|yes|1)$/i.test(value);
  if (property === "option security_invoker") return /^(on|true|yes|1)$/i.test(value);
  return false;
}

const turns: readonly RegExp[] = [
  /^schema /,
  /^table (?!pgmq)/,
  /^(function|procedure) /,
  /^queue /,
  /^table pgmq/,
  /^sequence /,
  /view /,
  /^job /,
];

/** Whole objects come before their parts, those that others need first; then triggers, and grants last. */
function turnOf({ object, property = "" }: Difference): number {
  const kind = turns.findIndex((pattern) => pattern.test(object));
  const part = ["", "column", "constraint", "index"].indexOf(property.split(" ")[0] ?? "");
  if (property.includes("grants ")) return 1000 + kind;
  if (property.startsWith("trigger ")) return 900 + kind;
  return kind * 10 + (part === -1 ? 9 : part);
}
