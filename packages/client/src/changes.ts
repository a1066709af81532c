import {
  type Change,
  createCapturedTables,
  defaultTables,
  getCdcChanges,
  type PeekOptions,
  type TemporarySlotOptions,
} from "@centralcloud/cdc";

/** How to look at changes that are not in the change log yet; an application needs nothing else of the package cdc. */
export { type Change, createCapturedTables, defaultTables, getCdcChanges, type PeekOptions };

/** As {@link getCdcChanges}, of learned patterns only. */
export function getPatternChanges(
  options: TemporarySlotOptions,
  filter: Omit<PeekOptions, "tables"> = {},
): Promise<readonly Change[]> {
  return getCdcChanges(options, { ...filter, tables: ["learned_patterns"] });
}

/** As {@link getCdcChanges}, of sessions only; their state is never among the values. */
export function getSessionChanges(
  options: TemporarySlotOptions,
  filter: Omit<PeekOptions, "tables"> = {},
): Promise<readonly Change[]> {
  return getCdcChanges(options, { ...filter, tables: ["agent_sessions"] });
}
