/** Every variable that a command reads, in a few words; docs/operate/settings.md has them whole. */
export const variables = {
  SOURCE_DATABASE_URLS: "the Singularity databases, separated by spaces or commas",
  CENTRAL_DATABASE_URL: "the central store",
  CONSUMER_BATCH_SIZE: "messages per read (500; up to 2,000 while a backlog lasts)",
  CONSUMER_CONCURRENCY: "batches merged at once for each queue of a source (2)",
  CONSUMER_VISIBILITY_TIMEOUT_S: "lease of a read, in seconds (30)",
  CONSUMER_MAX_ATTEMPTS: "failed attempts before a message is dead-lettered (5)",
  CONSUMER_MAX_DELIVERIES: "reads without a result before a message is dead-lettered (20)",
  CONSUMER_MAX_MESSAGE_BYTES: "longer messages are dead-lettered (1048576)",
  CONSUMER_SHUTDOWN_GRACE_S: "how long a stop waits for what is in flight, in seconds (25)",
  CONSUMER_HTTP_PORT: "port of /healthz, /readyz and /metrics; 0 is any free one (9464)",
  CONSUMER_HTTP_ADDRESS: "address that these listen at (all interfaces)",
  CONSUMER_LEDGER_RETENTION_H: "how long the ledger remembers a merged message, in hours (24)",
  CONSUMER_TRANSACTION_POOLING: "true behind a pooler in transaction mode (false)",
  CONSOLE_PORT: "port of the console; 0 is any free one (9465)",
  CONSOLE_ADDRESS: "address that it listens at (127.0.0.1)",
  CONSOLE_AUTH: "how people sign in: loopback, token, header or oidc (loopback)",
  CONSOLE_PUBLIC_URL: "where people reach it, such as https://console.example.org",
  CONSOLE_ENVIRONMENT: "a label for the bar on top, such as production (none)",
  CONSOLE_READ_ONLY: "true: nobody may act (false)",
  CONSOLE_OPERATOR_SOURCE_DATABASE_URLS: "the sources once more, as a login that may act",
  CONSOLE_OPERATOR_CENTRAL_DATABASE_URL: "the central store once more, as a login that may act",
  CONSOLE_TOKENS: "lines of `name role sha256`; better CONSOLE_TOKENS_FILE",
  SCHEDULER_HTTP_PORT: "port of /healthz and /readyz (none)",
  SCHEDULER_HTTP_ADDRESS: "address that these listen at (all interfaces)",
  SESSION_PRIVATE_KEYS: "the private keys themselves; better SESSION_PRIVATE_KEYS_FILE",
  SESSION_PRIVATE_KEYS_FILE: "the key ring: the file with the private keys",
  SESSION_REQUIRE_SEALED: "true refuses sessions that are not sealed (false)",
  CDC_ENABLED: "true lets the consumer capture changes, too (false)",
  CDC_TABLES: "tables that are captured, separated by commas",
  CDC_LEFT_OUT_COLUMNS: "columns that are never captured, as table.column",
  CDC_OUTPUT_PLUGIN: "wal2json, pgoutput or auto (auto)",
  CDC_MAX_CHANGE_BYTES: "bytes of a captured change; a longer one is a fault (16777216)",
  CDC_RETENTION_DAYS: "days that the change log goes back (90)",
  CDC_SOURCE_DATABASE_URLS: "the sources once more, as a login that may capture",
  CDC_CENTRAL_DATABASE_URL: "the central store once more, as a login that may capture",
  OTEL_EXPORTER_OTLP_ENDPOINT:
    "where traces go, with the other variables of OpenTelemetry (nowhere)",
  LOG_LEVEL: "fatal, error, warn, info, debug, trace or silent (info)",
  LOG_FORMAT: "json, text, or auto: text on a terminal, else JSON (auto)",
  VISUAL: "the editor",
  EDITOR: "the editor, where VISUAL is not set (vi)",
  NO_COLOR: "any value: no colours",
  FORCE_COLOR: "any value but 0: colours also where the output is no terminal",
} as const;

export type VariableName = keyof typeof variables;

/** Variables that several commands have together. */
export const sources: readonly VariableName[] = ["SOURCE_DATABASE_URLS"];
export const central: readonly VariableName[] = ["CENTRAL_DATABASE_URL"];
export const both: readonly VariableName[] = [...sources, ...central];
export const log: readonly VariableName[] = ["LOG_LEVEL", "LOG_FORMAT"];
export const keyRing: readonly VariableName[] = [
  "SESSION_PRIVATE_KEYS_FILE",
  "SESSION_PRIVATE_KEYS",
];
/** What decides whether a message would be accepted. */
export const contract: readonly VariableName[] = [
  "CONSUMER_MAX_MESSAGE_BYTES",
  "SESSION_REQUIRE_SEALED",
  ...keyRing,
];
export const capture: readonly VariableName[] = [
  "CDC_ENABLED",
  "CDC_TABLES",
  "CDC_LEFT_OUT_COLUMNS",
  "CDC_OUTPUT_PLUGIN",
  "CDC_MAX_CHANGE_BYTES",
  "CDC_RETENTION_DAYS",
  "CDC_SOURCE_DATABASE_URLS",
  "CDC_CENTRAL_DATABASE_URL",
];
export const consumer: readonly VariableName[] = [
  ...both,
  "CONSUMER_BATCH_SIZE",
  "CONSUMER_CONCURRENCY",
  "CONSUMER_VISIBILITY_TIMEOUT_S",
  "CONSUMER_MAX_ATTEMPTS",
  "CONSUMER_MAX_DELIVERIES",
  "CONSUMER_MAX_MESSAGE_BYTES",
  "CONSUMER_SHUTDOWN_GRACE_S",
  "CONSUMER_HTTP_PORT",
  "CONSUMER_HTTP_ADDRESS",
  "CONSUMER_LEDGER_RETENTION_H",
  "CONSUMER_TRANSACTION_POOLING",
  ...keyRing,
  "SESSION_REQUIRE_SEALED",
  ...capture,
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  ...log,
];

/** What the help of a command says beneath its options. */
export interface CommandHelp {
  /** The words after `centralcloud`, as for a shell, and what they do. */
  readonly examples: readonly (readonly [words: string, says: string])[];
  readonly environment: readonly VariableName[];
  /** Where exit codes mean more than they do everywhere; an empty text for one that the command does not have. */
  readonly codes?: Readonly<Partial<Record<0 | 1 | 2 | 3, string>>>;
  /** The file and heading of the documentation. */
  readonly page: string;
  /**
   * What Ctrl-C leaves behind, and how to continue. Absent where a command runs until it is stopped: that is its end, and
   * it shows no progress.
   */
  readonly interrupted?: string;
}

/** A page of docs/operate, or a heading of it. */
export const page = (name: string, heading?: string) =>
  `docs/operate/${name}.md${heading === undefined ? "" : `#${heading}`}`;
/** For commands that change nothing. */
export const looks = "nothing was changed; give the command again";
/** For durable actions. */
export const durable = (command: string) =>
  "before the first change, nothing was done; after it, the action is paused in order, and " +
  `\`centralcloud actions resume\` continues it, as does the same \`${command}\` command`;
/** Exit code 3 of commands that ask every source. */
export const missing = "a database can't be reached; what the others said is shown";
/** A reason, for examples. */
export const because = '--reason "producer 2.1 is repaired"';
