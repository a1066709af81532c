import { AnswerTooLargeError } from "./answer-limit.ts";
import { codeOf, messageOf } from "./errors.ts";
import { SharedSessionError, UnfitDatabaseError } from "./session.ts";
import { explainTlsError } from "./tls.ts";

/**
 * Whose fault an error is:
 * - `message`: the database refused this very message; it would again.
 * - `nobody`: the infrastructure's or the configuration's; every message would have met it.
 * - `unknown`: not decided; counted, retried, and given up in the end.
 */
export type FaultOwner = "message" | "nobody" | "unknown";

/**
 * What a fault that is nobody's keeps from working: the `database` for everybody who uses it, or only
 * the `lane` that met it.
 */
export type FaultScope = "database" | "lane";

/** Stable names of the kinds of faults; docs/operate/faults.md lists them. */
export type FaultKind =
  | "data-refused"
  | "constraint-violated"
  | "limit-exceeded"
  | "raised"
  | "connection-lost"
  | "not-authorized"
  | "not-trusted"
  | "shutting-down"
  | "no-connection-left"
  | "wrong-state"
  | "not-migrated"
  | "no-session"
  | "source-refused"
  | "conflict"
  | "no-resources"
  | "locked"
  | "cancelled"
  | "timed-out"
  | "system-error"
  | "answer-too-large"
  | "unclassified";

export interface Fault {
  readonly kind: FaultKind;
  readonly owner: FaultOwner;
  readonly scope: FaultScope;
  /** The SQLSTATE, or the operating system's code, or `unknown`. */
  readonly code: string;
  readonly message: string;
}

interface Rule {
  readonly kind: FaultKind;
  readonly owner: FaultOwner;
  readonly scope: FaultScope;
  /** SQLSTATEs, or their classes (the first two characters); see PostgreSQL's manual, appendix A. */
  readonly states: readonly string[];
}

/** Decided once, here. A whole SQLSTATE goes before its class. */
export const faultRules: readonly Rule[] = [
  // data exception
  { kind: "data-refused", owner: "message", scope: "lane", states: ["22"] },
  // integrity constraint violation
  { kind: "constraint-violated", owner: "message", scope: "lane", states: ["23"] },
  // program limit exceeded: nested too deeply, index row too large
  { kind: "limit-exceeded", owner: "message", scope: "lane", states: ["54"] },
  // raise exception in a function or trigger
  { kind: "raised", owner: "message", scope: "lane", states: ["P0001"] },
  // connection exception
  { kind: "connection-lost", owner: "nobody", scope: "database", states: ["08"] },
  // invalid authorization, no such database
  { kind: "not-authorized", owner: "nobody", scope: "database", states: ["28", "3D"] },
  // shutdown, crash, starting up, database dropped, database that takes no connections
  {
    kind: "shutting-down",
    owner: "nobody",
    scope: "database",
    states: ["57P01", "57P02", "57P03", "57P04", "55000"],
  },
  { kind: "no-connection-left", owner: "nobody", scope: "database", states: ["53300"] },
  // invalid transaction state: a read-only standby, an idle-transaction timeout
  { kind: "wrong-state", owner: "nobody", scope: "lane", states: ["25"] },
  // no such table, function or schema, no privilege: a migration or a grant is missing
  { kind: "not-migrated", owner: "nobody", scope: "lane", states: ["42", "3F"] },
  // invalid statement name, or one that is there already: a pooler in transaction mode that we were not told of
  { kind: "no-session", owner: "nobody", scope: "lane", states: ["26", "42P05"] },
  // rollback: serialization failure, deadlock
  { kind: "conflict", owner: "nobody", scope: "lane", states: ["40"] },
  // insufficient resources: disk full, out of memory
  { kind: "no-resources", owner: "nobody", scope: "lane", states: ["53"] },
  // object not in prerequisite state: lock not available, in use
  { kind: "locked", owner: "nobody", scope: "lane", states: ["55"] },
  // operator intervention: cancelled by a user or a timeout
  { kind: "cancelled", owner: "nobody", scope: "lane", states: ["57"] },
  // system error: input/output
  { kind: "system-error", owner: "nobody", scope: "lane", states: ["58"] },
];

const ruleOf = new Map(faultRules.flatMap((rule) => rule.states.map((state) => [state, rule])));

const lost = { kind: "connection-lost", owner: "nobody", scope: "database" } as const;
const untrusted = { kind: "not-trusted", owner: "nobody", scope: "database" } as const;
const late = { kind: "timed-out", owner: "nobody", scope: "database" } as const;
const waited = { kind: "no-connection-left", owner: "nobody", scope: "lane" } as const;
const shared = { kind: "no-session", owner: "nobody", scope: "lane" } as const;
const unfit = { kind: "not-migrated", owner: "nobody", scope: "lane" } as const;
const excessive = { kind: "answer-too-large", owner: "nobody", scope: "lane" } as const;
const refused = { kind: "source-refused", owner: "nobody", scope: "lane" } as const;
const unclassified = { kind: "unclassified", owner: "unknown", scope: "lane" } as const;

/** The kinds that are nobody's fault and keep everybody, or only a lane, from work. */
export function faultKindsOf(scope: FaultScope): readonly FaultKind[] {
  const rules = faultRules.filter((rule) => rule.owner === "nobody" && rule.scope === scope);
  const uncoded = [lost, untrusted, late, waited, shared, refused, excessive].filter(
    (rule) => rule.scope === scope,
  );
  return [...new Set([...rules, ...uncoded].map(({ kind }) => kind))];
}

/** Codes of Node's network: ECONNREFUSED, ERR_SOCKET_… */
const networkCode = /^(E(?!RR_)[A-Z_]+|ERR_SOCKET_\w+)$/;

/** Of its TLS: ERR_TLS_CERT_ALTNAME_INVALID, CERT_HAS_EXPIRED, DEPTH_ZERO_SELF_SIGNED_CERT, UNABLE_TO_VERIFY_…. */
const tlsCode = /^(ERR_(SSL|TLS)_\w+|\w*CERT\w*|UNABLE_TO_\w+)$/;

/** Whose id is another's, is another one than it was, or could not be judged since its server was started. */
const refusedCodes = new Set(["source_refused", "source_changed", "source_not_judged"]);

/** Decides whose fault an error of `pg` or of Node's network is. */
export function classifyFault(error: unknown): Fault {
  const advice = explainTlsError(error);
  const message = messageOf(error);
  const code = codeOf(error);
  if (advice !== undefined || (code !== undefined && tlsCode.test(code))) {
    return { ...untrusted, code: code ?? "unknown", message };
  }
  if (error instanceof SharedSessionError) return { ...shared, code: error.code, message };
  if (error instanceof UnfitDatabaseError) return { ...unfit, code: error.code, message };
  if (error instanceof AnswerTooLargeError) return { ...excessive, code: error.code, message };
  if (code === undefined) return { ...kindOfUncoded(message), code: "unknown", message };
  if (refusedCodes.has(code)) return { ...refused, code, message };
  if (networkCode.test(code)) return { ...lost, code, message };
  const { kind, owner, scope } = ruleOf.get(code) ?? ruleOf.get(code.slice(0, 2)) ?? unclassified;
  return { kind, owner, scope, code, message };
}

/** pg has words but no code for a connection that broke, could not be had, or does not answer. */
function kindOfUncoded(message: string) {
  if (/query read timeout/i.test(message)) return late;
  // The pool's words for a wait in its own line, however well the database works.
  if (/timeout exceeded when trying to connect/i.test(message)) return waited;
  const words = /connection|timeout|client (was closed|has encountered)|SSL|calling end/i;
  return words.test(message) ? lost : unclassified;
}
