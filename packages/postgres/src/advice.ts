import { codeOf } from "./errors.ts";
import { SharedSessionError, UnfitDatabaseError } from "./session.ts";
import { explainTlsError } from "./tls.ts";

/** What to do by the code of an error, the longest that fits first: a SQLSTATE, its class, or a code of Node. */
const byCode: readonly (readonly [RegExp, string])[] = [
  [/^ECONNREFUSED$/, "see that the server runs, and listens at this host and port"],
  [
    /^(ENOENT|EACCES)$/,
    "see that the server runs, and that its socket is in this folder and open to us",
  ],
  [/^(ENOTFOUND|EAI_\w+)$/, "see that the host's name is right, and that a name server answers"],
  [
    /^(ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN)$/,
    "see that the server's machine runs, and that networks and firewalls let us through",
  ],
  [/^28P01$/, "see that user and password are right"],
  [
    /^28/,
    "see that pg_hba.conf lets this user, from this machine, with this encryption, to this database",
  ],
  [/^3D000$/, "see that the name of the database is right, or create it"],
  [/^42501$/, "grant connect on the database to this user"],
  [
    /^53300$/,
    "close connections, raise max_connections, or the connection limit of the role or the database",
  ],
  [/^55000$/, "see that the database takes connections: alter database … allow_connections true"],
  [/^57P03$/, "wait until the server has started; its log says what it does"],
  [/^57P0/, "wait until the server is there again; its log says why it went"],
  [
    /^08P01$/,
    "see what answers there: its words are not those of a PostgreSQL server of ours, but a pooler's perhaps",
  ],
  [
    /^(ECONNRESET|EPIPE)$/,
    "see the server's log, and that it is a PostgreSQL server which answers at this port",
  ],
];

/** Words of `pg` for what has no code. */
const byWords: readonly (readonly [RegExp, string])[] = [
  [
    /password must be a (non-empty )?string/,
    "give the user's password in the URL: the server asks for one",
  ],
  [
    /timeout/i,
    "see that the server's machine runs, and that networks and firewalls let us through",
  ],
  [
    /terminated unexpectedly/,
    "see the server's log, and that it is a PostgreSQL server which answers at this port",
  ],
];

/** What to do about a database that can't be connected to; never more than the error is about. */
export function adviceOn(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return adviceOn(error.errors[0]);
  if (error instanceof SharedSessionError || error instanceof UnfitDatabaseError) {
    return "do what the message says";
  }
  const tls = explainTlsError(error);
  if (tls !== undefined) return tls;
  const code = codeOf(error);
  const words = error instanceof Error ? error.message : String(error);
  const [, advice] =
    (code === undefined ? undefined : byCode.find(([pattern]) => pattern.test(code))) ??
    byWords.find(([pattern]) => pattern.test(words)) ??
    [];
  return advice ?? "see the server's log";
}
