/**
 * Whose fault an error is:
 * - `message`: the database refused this very message; it would again.
 * - `nobody`: the infrastructure's or the configuration's; every message would have met it.
 * - `unknown`: not decided; counted, retried, and given up in the end.
 */
export type FaultOwner = "message" | "nobody" | "unknown";

export interface Fault {
  readonly owner: FaultOwner;
  /** The SQLSTATE, or the operating system's code, or `unknown`. */
  readonly code: string;
  readonly message: string;
}

/** By SQLSTATE, or by its class (its first two characters); see PostgreSQL's manual, appendix A. */
const owners: Readonly<Record<string, FaultOwner>> = {
  "22": "message", // data exception
  "23": "message", // integrity constraint violation
  "54": "message", // program limit exceeded: nested too deeply, index row too large
  P0001: "message", // raise exception in a function of ours
  "08": "nobody", // connection exception
  "25": "nobody", // invalid transaction state: a read-only standby, an idle-transaction timeout
  "28": "nobody", // invalid authorization
  "3D": "nobody", // no such database
  "3F": "nobody", // no such schema
  "40": "nobody", // rollback: serialization failure, deadlock
  "42": "nobody", // no such table or function, no privilege: a migration or a grant is missing
  "53": "nobody", // insufficient resources: disk full, out of memory, too many connections
  "55": "nobody", // object not in prerequisite state: lock not available, in use
  "57": "nobody", // operator intervention: shutdown, crash, cancelled
  "58": "nobody", // system error: input/output
};

/** Decides once, here, whose fault an error of `pg` or of Node's network is. */
export function classifyFault(error: unknown): Fault {
  const message = error instanceof Error ? error.message : String(error);
  const code = codeOf(error);
  if (code === undefined) {
    // pg's own words for a connection that broke or could not be had; it gives them no code.
    const connection = /connection|timeout|client (was closed|has encountered)/i;
    return { owner: connection.test(message) ? "nobody" : "unknown", code: "unknown", message };
  }
  if (/^E[A-Z_]+$/.test(code)) return { owner: "nobody", code, message };
  return { owner: owners[code] ?? owners[code.slice(0, 2)] ?? "unknown", code, message };
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
