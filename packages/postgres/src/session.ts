/**
 * What every connection of ours relies on, whatever the server, the database or the role has as its default. Here and
 * nowhere else.
 *
 * Two settings stay as they are found. `default_transaction_read_only`: whoever switches a database to it wants nothing
 * written, and a write there may be lost. And `lc_messages`, which only superusers may change: nothing of ours depends
 * on the words of an error.
 */

/**
 * Part of the startup message. Poolers know these and keep them for each of their clients, so they hold behind a
 * pooler, too.
 */
export const startupSettings = {
  client_encoding: "UTF8",
  // Times are read as ISO 8601; another style gave no time at all.
  DateStyle: "ISO, MDY",
  TimeZone: "UTC",
  standard_conforming_strings: "on",
} as const;

interface SessionSetting {
  readonly value: string;
  /** Other values that mean the same to us, and are left alone. */
  readonly alike?: RegExp;
  /** Values behind a pooler with which we can work; default: any. */
  readonly bearable?: RegExp;
  /** Not in every version of PostgreSQL that we support. */
  readonly isNewer?: true;
  /** `options` in a URL may say otherwise, since that is said to us; see {@link findForbiddenOption}. */
  readonly isYours?: true;
}

/** Set for each session that is ours alone. */
const sessionSettings: Readonly<Record<string, SessionSetting>> = {
  // Listeners and schedulers are silent for long.
  idle_session_timeout: { value: "0" },
  idle_in_transaction_session_timeout: { value: "0", isYours: true },
  transaction_timeout: { value: "0", isNewer: true, isYours: true },
  // Of each connection its own: see SessionWish.
  statement_timeout: { value: "0", isYours: true },
  lock_timeout: { value: "0", isYours: true },
  // What a policy would hide is an error, and not an empty answer.
  row_security: { value: "off" },
  search_path: { value: "public", bearable: /^("\$user", ?)?public$/, isYours: true },
  default_transaction_isolation: { value: "read committed", bearable: /^read committed$/ },
  default_transaction_deferrable: { value: "off" },
  // A message leaves its queue because its effect is committed. The others wait for standbys, or do not.
  synchronous_commit: { value: "on", alike: /^(?!off$)/, bearable: /^(?!off$)/, isYours: true },
  // Without it, the triggers on our tables do not fire.
  session_replication_role: { value: "origin", bearable: /^origin$/ },
  IntervalStyle: { value: "postgres" },
  extra_float_digits: { value: "1", alike: /^[123]$/, bearable: /^[123]$/ },
  bytea_output: { value: "hex" },
  xmlbinary: { value: "base64" },
  array_nulls: { value: "on", bearable: /^on$/ },
  transform_null_equals: { value: "off", bearable: /^off$/ },
  quote_all_identifiers: { value: "off", bearable: /^off$/ },
  // Notices tell a migration, and `doctor --fix`, what PostgreSQL left out.
  client_min_messages: { value: "notice", alike: /^(log|debug\d)$/ },
};

/** Of commands: see {@link endStatementsWithProcess}. */
const presenceCheck = { name: "client_connection_check_interval", value: "1s" } as const;

/** Windows can't tell a server that a client has gone, and refuses the setting. */
const canCheckPresence = "pg_catalog.version() !~* 'windows|mingw|msvc|visual c'";

let runningCommands = 0;

/**
 * For commands, which somebody may end at any time: sessions that are made from now on ask their server to look every second
 * whether this process is still there. If not, it gives up the statement, which else would be worked on until its limit.
 *
 * @returns the end of that.
 */
export function endStatementsWithProcess(): () => void {
  runningCommands += 1;
  return () => {
    runningCommands -= 1;
  };
}

/** Something needs a session of its own, and a pooler gives it one that others share. */
export class SharedSessionError extends Error {
  readonly code = "session_shared";
  constructor(message: string) {
    super(message);
    this.name = "SharedSessionError";
  }
}

/** What the server says here can't be worked with, whatever the session's settings; the message says why. */
export class UnfitDatabaseError extends Error {
  readonly code = "database_unfit";
  constructor(message: string) {
    super(message);
    this.name = "UnfitDatabaseError";
  }
}

/** What sets each session apart from others of ours. */
export interface SessionWish {
  /** As the client was told when it connected. */
  readonly processId: number | null;
  /** More settings, for a session that is ours alone. */
  readonly own: Readonly<Record<string, string>>;
  /** What the URL gives as `options`. */
  readonly options: string;
  /** How long a statement may take, in milliseconds; undefined for as long as it takes. */
  readonly statementMs: number | undefined;
  /** Also a database in which ours could not work: for whoever looks at it, or makes others on its server. */
  readonly anyDatabase: boolean;
}

interface Row {
  readonly pid: string;
  readonly encoding: string;
  readonly database: string;
  readonly name: string;
  readonly found: string | null;
}

/**
 * Gives a session that has just been made the settings that we rely on. All of it is one statement, which changes
 * nothing where the session is a pooler's: the server tells another process there than the one that the client was
 * told when it connected. Behind a pooler the settings are only looked at.
 *
 * @param query by the simple protocol: a walsender knows no other.
 * @returns whether a pooler is in between, which may give the session to others after each transaction.
 * @throws {SharedSessionError} where the pooler's sessions have a setting that we can't work with.
 * @throws {UnfitDatabaseError}
 */
export async function settle(
  query: <Found extends object>(text: string) => Promise<{ rows: Found[] }>,
  wish: SessionWish,
): Promise<{ readonly isPooled: boolean }> {
  const { rows } = await query<Row>(settlingStatement(wish));
  const { encoding, database, pid } = rows[0] ?? {};
  if (encoding !== "UTF8" && !wish.anyDatabase) {
    throw new UnfitDatabaseError(
      `the encoding of the database ${database} is ${encoding}, which can't hold every message: create one with encoding 'UTF8'`,
    );
  }
  const isPooled = wish.processId === null || pid !== String(wish.processId);
  if (!isPooled) return { isPooled };
  if (!wish.anyDatabase) await assertNothingHidden(query);
  const wrong = rows.filter(({ name, found }) => {
    const { bearable } = sessionSettings[name] ?? {};
    // What this connection would choose itself can't be wrong for it.
    if (found === wish.own[name]) return false;
    return bearable !== undefined && !bearable.test(found ?? "");
  });
  if (wrong.length === 0) return { isPooled };
  const words = wrong.map(({ name, found }) => `${name} = ${found}`).join(", ");
  throw new SharedSessionError(
    `the sessions of the pooler have ${words}: set another value for the role, with alter role … set`,
  );
}

/** What `row_security = off` does for a session of our own: it takes no part of the rows for all of them. */
async function assertNothingHidden(
  query: <Found extends object>(text: string) => Promise<{ rows: Found[] }>,
): Promise<void> {
  const { rows } = await query<{ tables: string | null }>(
    `select string_agg(c.oid::regclass::text, ', ') as tables
       from pg_catalog.pg_class c
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.relrowsecurity and n.nspname in ('pgmq', 'central') and pg_catalog.row_security_active(c.oid)`,
  );
  const tables = rows[0]?.tables ?? null;
  if (tables === null) return;
  throw new UnfitDatabaseError(
    `row-level security would hide rows of ${tables} from this login: alter table … disable row level security`,
  );
}

function settlingStatement({ processId, own, options, statementMs }: SessionWish): string {
  const named = new Set(namesIn(options));
  const wanted = new Map<string, SessionSetting>();
  for (const [name, setting] of Object.entries(sessionSettings)) {
    if (!(setting.isYours && named.has(name))) wanted.set(name, setting);
  }
  if (statementMs !== undefined && wanted.has("statement_timeout")) {
    wanted.set("statement_timeout", { value: `${statementMs}ms` });
  }
  const { name: presence, value: seconds } = presenceCheck;
  if (runningCommands > 0 && !named.has(presence)) wanted.set(presence, { value: seconds });
  for (const [name, value] of Object.entries(own)) wanted.set(name, { value });
  const rows = [...wanted].map(
    ([name, { value, alike, isNewer = false }]) =>
      `(${literal(name)}, ${literal(value)}, ${literal(alike?.source ?? "")}, ${isNewer})`,
  );
  const isOurs = `pg_catalog.pg_backend_pid() = ${processId ?? "null"}`;
  const differs = `f.found is distinct from f.value and not (f.alike <> '' and f.found ~ f.alike)`;
  return `select pg_catalog.pg_backend_pid()::text as pid, f.name, f.found,
       pg_catalog.current_setting('server_encoding') as encoding, pg_catalog.current_database() as database,
       case when ${isOurs} and ${differs} and not (f.found is null and f.is_newer)
              and (f.name <> '${presence}' or ${canCheckPresence})
            then pg_catalog.set_config(f.name, f.value, false) end as made
  from (select w.*, pg_catalog.current_setting(w.name, true) as found
          from (values ${rows.join(",\n")}) as w (name, value, alike, is_newer)
        offset 0) f`;
}

/**
 * A setting in the `options` of a URL on which our connections rely, and about which nobody else may decide;
 * undefined where there is none.
 */
export function findForbiddenOption(options: string): string | undefined {
  const fixed = new Set(
    Object.entries(sessionSettings)
      .filter(([, { isYours }]) => isYours !== true)
      .map(([name]) => name.toLowerCase()),
  );
  for (const name of Object.keys(startupSettings)) fixed.add(name.toLowerCase());
  return namesIn(options).find((name) => fixed.has(name));
}

/** The settings that `-c name=value` and `--name=value` name, in lower case. */
function namesIn(options: string): readonly string[] {
  return [...options.matchAll(/(?:^|\s)(?:-c\s*|--)([\w.-]+?)\s*=/g)].map(([, name = ""]) =>
    name.toLowerCase().replaceAll("-", "_"),
  );
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
