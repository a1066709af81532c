import {
  type DeadLetterActionOptions,
  type DeadLetterFilter,
  SelectionError,
  selectsAll,
} from "@centralcloud/dead-letters";
import { type FilterOptions, readFilter } from "./selection.ts";

/** Which dead letters an action is for, and whether that may be all of them. */
export interface BulkFilter extends Pick<DeadLetterActionOptions, "all" | "isNarrowed"> {
  readonly filter: DeadLetterFilter;
}

/**
 * Reads the selection of an action. Naming a queue or a source narrows it as a filter does.
 *
 * @throws {SelectionError} also where it would be every dead letter because something was left out.
 */
export function readBulkFilter(
  options: FilterOptions & { readonly all?: true },
  ids: readonly string[],
  isNarrowedBesides = false,
): BulkFilter {
  if (options.all && ids.length > 0) throw new SelectionError("give ids or --all, not both");
  const isNarrowed =
    isNarrowedBesides || options.queue !== undefined || options.source !== undefined;
  const all = options.all ?? false;
  const filter = readFilter(options, ids);
  if (!all && !isNarrowed && selectsAll(filter)) {
    throw new SelectionError("this selects every dead letter; give ids, a filter, or --all");
  }
  return { filter, all, isNarrowed };
}
