import { messageOf, sqlState } from "@centralcloud/postgres";
import { withoutContents } from "@centralcloud/service";
import { recreateCommand } from "./slot/capture-slot.ts";
import { ChangeTooLongError } from "./stream/change-gauge.ts";

/** Another process reads the slot. */
export class SlotBusyError extends Error {
  readonly code = "slot_busy";
  readonly slot: string;
  constructor(slot: string, options?: ErrorOptions) {
    super(`another process reads the slot ${slot}`, options);
    this.name = "SlotBusyError";
    this.slot = slot;
  }
}

/** Changes are missing that no retry brings back. An operator recreates the slot. */
export class SlotLostError extends Error {
  readonly code = "slot_lost";
  readonly slot: string;
  constructor(slot: string, why: string, options?: ErrorOptions) {
    super(why, options);
    this.name = "SlotLostError";
    this.slot = slot;
  }
}

/** What the slot has yet to give can't be decoded, whatever is done: only reading it tells that. */
export class SlotUnreadableError extends SlotLostError {
  constructor(slot: string, why: string, options?: ErrorOptions) {
    super(slot, why, options);
    this.name = "SlotUnreadableError";
  }
}

/** The server said nothing for so long that the connection counts as broken. */
export class SilentServerError extends Error {
  readonly code = "server_silent";
  constructor(seconds: number) {
    super(`the source's server said nothing for ${seconds} seconds`);
    this.name = "SilentServerError";
  }
}

/** An operator asked for what a slot that is in use, or missing, does not allow. */
export class CaptureStateError extends Error {
  readonly code = "capture_state";
  constructor(message: string) {
    super(message);
    this.name = "CaptureStateError";
  }
}

/** The output plugin does not know what it is asked for. */
export class PluginTooOldError extends Error {
  readonly code = "plugin_too_old";
  constructor(refusal: string, options?: ErrorOptions) {
    super(
      `wal2json is too old (${refusal}): install version 2.6 or later, or set CDC_OUTPUT_PLUGIN=pgoutput; ` +
        `where something is captured already, begin anew then: ${recreateCommand()}`,
      options,
    );
    this.name = "PluginTooOldError";
  }
}

/** Whether an output plugin refused one of its options. 22023: invalid parameter value. */
export function isOptionFault(error: unknown): boolean {
  return codeOf(error) === "22023" && /option/i.test(messageOf(error));
}

/** The owner of our functions may not create in the database, as after a restore: no dump has that right. */
export class PublicationForbiddenError extends Error {
  /** As PostgreSQL's: it is a right that is missing. */
  readonly code = sqlState.insufficientPrivilege;
  constructor(cause: unknown) {
    super(
      `nothing can be published: ${messageOf(cause)}. Run \`centralcloud migrate --only singularity\` as the ` +
        "role that migrates: it restores what is missing",
      { cause },
    );
    this.name = "PublicationForbiddenError";
  }
}

/** Tables that were asked for can't be captured, by any output plugin. */
export class TablesRefusedError extends Error {
  readonly code = "tables_refused";
  constructor(tables: readonly { readonly name: string; readonly problem: string | null }[]) {
    super(
      tables
        .map(({ name, problem }) => `the table ${name} can't be captured: ${problem}`)
        .join("; "),
    );
    this.name = "TablesRefusedError";
  }
}

/** The error is one of the central store's: nothing is wrong with the source. */
export class CentralFaultError extends Error {
  readonly code: string;
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "CentralFaultError";
    this.code = codeOf(cause);
  }
}

/** The source could not be asked what a change in its log means. */
export class SourceFaultError extends Error {
  readonly code: string;
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "SourceFaultError";
    this.code = codeOf(cause);
  }
}

/** Does something in the central store. @throws {CentralFaultError} */
export async function centrally<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    // Not a fault of the store: one change can't be brought into it.
    if (error instanceof UndecodableChangeError) throw error;
    throw new CentralFaultError(error);
  }
}

/** The SQLSTATE of an error, or the operating system's code, or `unknown`. */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "unknown";
}

/** Where a change is that can't be decoded, or not be stored. */
export interface ChangePlace {
  /** As the change log calls it; several where it is one of them. */
  readonly tables: readonly string[];
  /** As PostgreSQL writes it: of the change, or of its transaction's commit. */
  readonly lsn: string;
}

/**
 * A change that can't be brought into the change log, however often it is tried: nothing behind it can be
 * recorded either, until an operator does something.
 */
export class UndecodableChangeError extends Error {
  readonly code = "undecodable_change";
  readonly lsn: string;
  constructor({ tables, lsn }: ChangePlace, source: string | undefined, cause: unknown) {
    const place = tables.length === 0 ? "a change" : `a change of ${tables.join(" or ")}`;
    const one = tables.length === 1 ? tables[0] : "the table";
    super(
      `${place} at ${lsn} can't be decoded: ${describe(cause)}; take ${one} out of CDC_TABLES, or the column ` +
        `that is to blame into CDC_LEFT_OUT_COLUMNS; where that is not enough: ${recreateCommand(source)}`,
      { cause },
    );
    this.name = "UndecodableChangeError";
    this.lsn = lsn;
  }
}

function describe(cause: unknown): string {
  // Its words are ours.
  if (cause instanceof ChangeTooLongError) return cause.message;
  return isTooLarge(cause)
    ? "the row is too large"
    : withoutContents(messageOf(cause), codeOf(cause));
}

/** The server's limit for one value or allocation, or that of a string here. */
export function isTooLarge(cause: unknown): boolean {
  const code = codeOf(cause);
  if (code.startsWith("54") || code === "53200" || code === "ERR_STRING_TOO_LONG") return true;
  return /invalid memory alloc request size|enlarge string buffer|invalid string length/i.test(
    messageOf(cause),
  );
}

/** Faults that come and go: of the connection, of resources, of an administrator. */
const passing = /^(08|40|55|57|58)|^(53000|53100|53300|53400)$/;

/** Where the server failed to decode a change, by the context of its error; undefined for any other error. */
export function failedAt(error: unknown): string | undefined {
  const { where } = error as { where?: unknown };
  if (typeof where !== "string" || passing.test(codeOf(error))) return undefined;
  return /in the (?:change|truncate) callback, associated LSN ([0-9A-F]+\/[0-9A-F]+)/.exec(
    where,
  )?.[1];
}
