import type { Side } from "@centralcloud/postgres";
import { readObjects, type SqlObject } from "../migrate/objects.ts";
import { landedNameOf } from "../migrate/side.ts";
import { queueOfObject } from "./catalog-query.ts";
import type { Difference } from "./compare.ts";
import { privilegesIn } from "./describe.ts";
import type { Manifest } from "./manifest.ts";

/**
 * What repairs a difference, in order; none where nothing does without harm. Definitions come from the manifest,
 * functions and views from their files in `sql`. What a table held that is gone does not come back.
 */
export function repairStatements(
  side: Side,
  manifest: Manifest,
  difference: Difference,
): readonly string[] {
  const { object, property } = difference;
  const queue = queueOfObject(object);
  if (property === undefined) {
    if (queue !== undefined) return [`select public.create_queue('${queue}')`];
    if (object.startsWith("schema ")) return [`create ${object}`];
    if (object.startsWith("table ")) {
      return createTable(side, object, manifest.objects[object] ?? {});
    }
    return applyFile(side, object);
  }
  const [kind = "", ...rest] = property.split(" ");
  const name = rest.join(" ");
  switch (kind) {
    case "column":
      return repairColumn(difference, name);
    case "constraint":
      return repairConstraint(difference, name);
    case "index":
      return repairIndex(difference, name);
    case "trigger":
      return repairTrigger(difference, name);
    case "grants":
      return repairGrants(difference, property.slice("grants to ".length));
    case "option":
      return [repairOption(difference, name)];
    case "storage":
      return [`alter ${object} set ${difference.expected}`];
    case "row":
      // Policies of an application's tables are yours, as long as they do not bind their owner.
      return /^table public\.(?!singularity_source)/.test(object)
        ? [`alter ${object} no force row level security`]
        : [`alter ${object} no force row level security, disable row level security`];
    case "content":
      return [`refresh ${object}`];
    case "definition":
      return [...dropMaterialized(object), ...applyFile(side, object)];
    case "settings":
      return object.startsWith("sequence ")
        ? [`alter ${object} ${difference.expected}`]
        : applyFile(side, object);
    case "runs":
      return applyFile(side, object);
    case "default":
      return findFile(side, "grants/centralcloud_owner").map(({ statements }) => statements);
    default:
      return [];
  }
}

/** How to make a function or view anew that can't be replaced, because it returns something else now. */
export function replacingStatements(side: Side, difference: Difference): readonly string[] {
  const { object, property } = difference;
  if (property !== "definition" || !/^(function|procedure|view) /.test(object)) return [];
  return [`drop ${object}`, ...applyFile(side, object)];
}

function createTable(
  side: Side,
  object: string,
  facts: Readonly<Record<string, string>>,
): readonly string[] {
  const columns = Object.entries(facts).flatMap(([property, definition]) =>
    property.startsWith("column ") ? [`${property.slice("column ".length)} ${definition}`] : [],
  );
  const partitioned = /^partitioned by (.*)$/.exec(facts.kind ?? "")?.[1];
  const suffix = partitioned === undefined ? "" : ` partition by ${partitioned}`;
  const statements = [`create ${object} (${columns.join(", ")})${suffix}`];
  // The identity of a source is written by the migration that makes the table.
  if (object === "table public.singularity_source") {
    statements.push("insert into public.singularity_source (name) values (current_database())");
  }
  const name = object.slice(object.indexOf(".") + 1);
  return [...statements, ...findFile(side, `storage/${name}`).map(textOf)];
}

function repairColumn(
  { object, expected = "", actual }: Difference,
  name: string,
): readonly string[] {
  if (actual === undefined) {
    // What is declared is declared again once its table is whole.
    const emptying =
      object === "table public.scheduled_jobs" ? [`delete from public.scheduled_jobs`] : [];
    const add = `alter ${object} add column ${name} ${expected}`;
    if (object === "table public.singularity_source" && name === "name") {
      // As the migration did that made the table.
      return [
        add.replace(/ not null$/, ""),
        "update public.singularity_source set name = current_database()",
        `alter ${object} alter column name set not null`,
      ];
    }
    return [...emptying, add];
  }
  const [wanted, found] = [readColumn(expected), readColumn(actual)];
  // Another type, or another generated value, takes a decision about what is there.
  if (wanted.type !== found.type || wanted.generated !== found.generated) return [];
  const alter = (change: string) => `alter ${object} alter column ${name} ${change}`;
  const statements: string[] = [];
  if (wanted.isNotNull && !found.isNotNull) statements.push(alter("set not null"));
  if (!wanted.isNotNull && found.isNotNull) statements.push(alter("drop not null"));
  if (wanted.identity !== found.identity) {
    if (found.default !== undefined) statements.push(alter("drop default"));
    if (found.identity !== undefined) statements.push(alter("drop identity"));
    if (wanted.identity !== undefined) {
      statements.push(alter(`add ${wanted.identity}`), ...continueSequence(object, name));
    }
  }
  if (wanted.default !== found.default && wanted.default !== undefined) {
    statements.push(alter(`set default ${wanted.default}`));
  } else if (wanted.default !== found.default && found.identity === wanted.identity) {
    statements.push(alter("drop default"));
  }
  return statements;
}

interface Column {
  readonly type: string;
  readonly isNotNull: boolean;
  readonly identity: string | undefined;
  readonly generated: string | undefined;
  readonly default: string | undefined;
}

/** A column as the catalog query writes it. */
function readColumn(definition: string): Column {
  const isNotNull = definition.endsWith(" not null");
  const rest = isNotNull ? definition.slice(0, -" not null".length) : definition;
  const match =
    /^(.*?)(?: (generated (?:always|by default) as identity)| (generated always as \(.*)| default (.*))?$/s;
  const [, type = rest, identity, generated, byDefault] = match.exec(rest) ?? [];
  return { type, isNotNull, identity, generated, default: byDefault };
}

/** Ids continue after those that the table, or the archive of a queue, has. */
function continueSequence(object: string, column: string): readonly string[] {
  const table = object.slice("table ".length);
  const tables = [
    table,
    ...(table.includes("pgmq.") ? [table.replace(/^(pgmq\."?)q_/, "$1a_")] : []),
  ];
  const greatest = tables.map((one) => `(select max(${column}) from ${one})`).join(", ");
  return [
    `select setval(pg_get_serial_sequence('${table}', '${column}'), coalesce(greatest(${greatest}), 0) + 1, false)`,
  ];
}

function repairConstraint(
  { object, expected, actual }: Difference,
  name: string,
): readonly string[] {
  return [
    ...(actual === undefined ? [] : [`alter ${object} drop constraint ${name}`]),
    `alter ${object} add constraint ${name} ${expected}`,
  ];
}

function repairIndex(
  { object, expected = "", actual }: Difference,
  name: string,
): readonly string[] {
  const schema = object.replace(/^.*? (?=\S+\.)/, "").split(".")[0];
  return [...(actual === undefined ? [] : [`drop index ${schema}.${name}`]), expected];
}

function repairTrigger(
  { object, expected = "", actual }: Difference,
  name: string,
): readonly string[] {
  const definition = (value: string) => value.slice(value.indexOf(": ") + 2);
  if (actual !== undefined && definition(actual) === definition(expected)) {
    return [`alter ${object} enable trigger ${name}`];
  }
  const table = object.slice("table ".length);
  return [
    ...(actual === undefined ? [] : [`drop trigger ${name} on ${table}`]),
    definition(expected),
  ];
}

function repairOption({ object, expected }: Difference, name: string): string {
  const change = expected === undefined ? `reset (${name})` : `set (${name} = ${expected})`;
  return `alter ${object} ${change}`;
}

function repairGrants(
  { object, expected, actual, owner }: Difference,
  grantee: string,
): readonly string[] {
  const on = object.replace(/^(?:materialized )?view /, "table ");
  if (grantee === "its owner") return [`grant all on ${on} to ${owner}`];
  const [wanted, found] = [privilegesIn(expected), privilegesIn(actual)];
  return [
    ...found
      .filter((privilege) => !wanted.includes(privilege))
      .map((privilege) => `revoke ${withoutOption(privilege)} on ${on} from ${grantee} cascade`),
    ...wanted
      .filter((privilege) => !found.includes(privilege))
      .map((privilege) => `grant ${privilege} on ${on} to ${grantee}`),
  ];
}

function withoutOption(privilege: string): string {
  return privilege.replace(/ with grant option$/, "");
}

/** A materialized view can't be replaced. */
function dropMaterialized(object: string): readonly string[] {
  return object.startsWith("materialized view ") ? [`drop ${object}`] : [];
}

/** Applies the file of a function, view or job once more. */
function applyFile(side: Side, object: string): readonly string[] {
  const name = /^.*?\.(?:"([^"]+)"|(\w+))/.exec(object);
  const base = name?.[1] ?? name?.[2] ?? "";
  if (object.startsWith("job ")) return findFile(side, "schedules/jobs").map(textOf);
  const kind = /^(function|procedure) /.test(object) ? "functions" : "views";
  return findFile(side, `${kind}/${base}`).map(textOf);
}

function findFile(side: Side, path: string): readonly SqlObject[] {
  return readObjects(side).filter((file) => file.path === `${landedNameOf(side)}/${path}.sql`);
}

function textOf({ statements }: SqlObject): string {
  return statements;
}
