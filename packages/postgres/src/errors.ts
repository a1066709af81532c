import { explainTlsError } from "./tls.ts";
import { withoutSecrets } from "./url.ts";

/** A database did not answer, or refused the connection. */
export class DatabaseUnreachableError extends Error {
  readonly code = "database_unreachable";
  /** Host, port and database. */
  readonly database: string;
  readonly reason: string;
  constructor(url: string, cause: unknown) {
    const [database, reason] = [withoutSecrets(url), messageOf(cause)];
    super(`${database} can't be reached: ${reason}`, { cause });
    this.name = "DatabaseUnreachableError";
    this.database = database;
    this.reason = reason;
  }
}

/** What went wrong, in words: the message of an error, or of the first one behind it. */
export function messageOf(error: unknown): string {
  // Node tries each address of a name, and reports all failures together without a message.
  if (error instanceof AggregateError && error.message === "") return messageOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  // It has the advice on its cause already.
  if (error instanceof DatabaseUnreachableError) return error.message;
  const advice = explainTlsError(error) ?? explainServerError(error);
  return advice === undefined ? error.message : `${error.message} (${advice})`;
}

/** What to do about an error of the server whose own words do not say it; undefined for any other. */
function explainServerError(error: Error): string | undefined {
  if (!("severity" in error)) return undefined;
  if (/^(26...|42P05)$/.test(codeOf(error) ?? "")) {
    return "a pooler gives each transaction another session: set CONSUMER_TRANSACTION_POOLING=true, or connect to the server directly";
  }
  if (codeOf(error) === sqlState.readOnlyTransaction) {
    return "nothing can be written there: it is a standby, or default_transaction_read_only is on";
  }
  if (!wouldHideRows(error)) return undefined;
  return "row-level security would hide rows from this login: alter table … disable row level security, or run centralcloud migrate";
}

/** Whether PostgreSQL refused a statement because a policy would have hidden rows from it. */
export function wouldHideRows(error: unknown): boolean {
  // By the place in PostgreSQL's source, since its words depend on lc_messages.
  return error instanceof Error && (error as { routine?: string }).routine === "check_enable_rls";
}

/** The SQLSTATE of an error, or the code of the operating system or of Node; undefined where it has none. */
export function codeOf(error: unknown): string | undefined {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** SQLSTATEs that code decides by; see PostgreSQL's manual, appendix A. */
export const sqlState = {
  warningPrivilegeNotGranted: "01007",
  invalidParameterValue: "22023",
  uniqueViolation: "23505",
  readOnlyTransaction: "25006",
  invalidPassword: "28P01",
  undefinedSchema: "3F000",
  serializationFailure: "40001",
  deadlockDetected: "40P01",
  insufficientPrivilege: "42501",
  undefinedColumn: "42703",
  undefinedObject: "42704",
  duplicateObject: "42710",
  undefinedFunction: "42883",
  undefinedTable: "42P01",
  objectNotInPrerequisiteState: "55000",
  objectInUse: "55006",
  lockNotAvailable: "55P03",
  queryCanceled: "57014",
  undefinedFile: "58P01",
} as const;
