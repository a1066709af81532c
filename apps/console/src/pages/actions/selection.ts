import { type DeadLetterFilter, selectsAll } from "@centralcloud/dead-letters";
import { z } from "zod";
import type { Viewer } from "../../auth/rights.ts";
import type { ValuesOf } from "../../routing/fields.ts";
import { flag, GivenError, id, maybe, one, several, text, whole } from "../../routing/fields.ts";
import type { Query } from "../../routing/links.ts";
import {
  type FilterValues,
  filterFields,
  filterNames,
  filterOf,
  queryOf,
} from "../dead-letters/filter.tsx";

/** What can be done to dead letters. */
export const verbs = ["replay", "discard", "restore", "export"] as const;

export type Verb = (typeof verbs)[number];

/** A rate in messages a second, above 0. */
const rate = z
  .string()
  .regex(/^\d{1,7}(\.\d{1,3})?$/, "must be a number above 0, of messages a second")
  .transform(Number)
  .pipe(z.number().gt(0, "must be a number above 0, of messages a second"));

/** What is to be done to which dead letters. */
export const selectionFields = {
  do: one(z.enum(verbs, `must be one of ${verbs.join(", ")}`)),
  ...filterFields,
  id: several(id),
  /** Given by a list of which rows are ticked: then nothing ticked is nothing chosen, rather than everything. */
  chosen: flag(),
  action: maybe(id),
  all: flag(),
  rate: maybe(rate),
  canary: maybe(whole(1, 1_000)),
};

export type SelectionValues = ValuesOf<typeof selectionFields>;

/** What the form sends besides: what the preview has shown, and why it is done. */
export const bindingFields = {
  digest: maybe(text(500_000)),
  shown: maybe(whole(0, 999_999_999)),
};

export interface Selection {
  readonly verb: Verb;
  readonly filter: DeadLetterFilter;
  /** The discard that a restore undoes. */
  readonly action: string | undefined;
  readonly bulk: { readonly all: boolean; readonly isNarrowed: boolean };
  /** Whether it would be everything because something was left out. */
  readonly isEverything: boolean;
  /** As it stands in a URL. */
  readonly query: Query;
}

/** @throws {GivenError} */
export function selectionOf(values: SelectionValues, viewer: Viewer): Selection {
  const { do: verb, id: ids, action, all, rate: speed, canary } = values;
  const filtered = filterOf(values, viewer);
  const mistakes: string[] = [];
  if (ids !== undefined && !selectsAll(filtered)) {
    mistakes.push("id: give ids or filters; only queue and source go with ids");
  }
  if (values.chosen && ids === undefined) {
    mistakes.push("id: nothing is chosen; go back, and tick those that are meant");
  }
  if (all && ids !== undefined) mistakes.push("all: give ids or all, not both");
  if (action !== undefined && verb !== "restore") {
    mistakes.push("action: only a restore undoes an action");
  }
  if (canary !== undefined && verb !== "replay") {
    mistakes.push("canary: only a replay has one");
  }
  if (verb === "export" && ids !== undefined) {
    mistakes.push("id: an export takes filters, or a message-id");
  }
  if (mistakes.length > 0) throw new GivenError(mistakes);
  const filter = ids === undefined ? filtered : { ids };
  const isNarrowed =
    action !== undefined || values.queue !== undefined || values.source !== undefined;
  const query: Query = {
    do: verb,
    ...queryOf(onlyFilter(values)),
    id: ids,
    action,
    ...(all ? { all: true as const } : {}),
    rate: speed,
    canary,
  };
  return {
    verb,
    filter,
    action,
    bulk: { all, isNarrowed },
    isEverything: verb !== "export" && selectsAll(filter) && !all && !isNarrowed,
    query,
  };
}

export function onlyFilter(values: SelectionValues): FilterValues {
  const entries = Object.entries(values).filter(([name]) => filterNames.includes(name));
  return Object.fromEntries(entries) as FilterValues;
}

/** The command that does the same, without a reason. @param isDry whether it only says what it would do. */
export function commandOf(
  { verb, query }: Pick<Selection, "verb" | "query">,
  isDry: boolean,
): readonly string[] {
  const { do: _, id: ids, all, rate: speed, canary, ...options } = query;
  const words = ["dlq", verb, ...[ids ?? []].flat().map(String)];
  for (const [name, given] of Object.entries(options)) {
    for (const value of [given ?? []].flat().map(String)) {
      words.push(...(value.startsWith("-") ? [`--${name}=${value}`] : [`--${name}`, value]));
    }
  }
  if (verb === "export") return [...words, "--out", "dead-letters.jsonl"];
  if (all !== undefined) words.push("--all");
  if (speed !== undefined) words.push("--rate", String(speed));
  if (canary !== undefined) words.push("--canary", String(canary));
  return isDry ? [...words, "--dry-run"] : words;
}
