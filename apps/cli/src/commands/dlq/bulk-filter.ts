import { type LetterFilter, SelectionError, selectsAll } from "@centralcloud/dead-letters";
import type { Command } from "commander";
import { type FilterOptions, readFilter } from "./selection.ts";

/** Which letters an action is for, and whether that may be all of them. */
export interface BulkFilter {
  readonly filter: LetterFilter;
  readonly all: boolean;
}

/**
 * Reads the selection of an action, and ends the command where it would be every letter because
 * something was left out. Naming a queue or a source narrows it as a filter does.
 */
export function readBulkFilter(
  command: Command,
  options: FilterOptions & { readonly all?: true },
  ids: readonly string[],
): BulkFilter {
  if (options.all && ids.length > 0) command.error("error: give ids or --all, not both");
  const isNarrowed = options.queue !== undefined || options.source !== undefined;
  const all = options.all ?? isNarrowed;
  try {
    const filter = readFilter(options, ids);
    if (!all && selectsAll(filter)) {
      command.error("error: this selects every letter; give ids, a filter, or --all");
    }
    return { filter, all };
  } catch (error) {
    if (!(error instanceof SelectionError)) throw error;
    return command.error(`error: ${error.message}`);
  }
}
