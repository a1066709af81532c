import { EmbeddedPostgresError } from "./errors.ts";

export type Settings = Readonly<Record<string, string | number | boolean>>;

interface ConfigurationInput {
  readonly port: number;
  readonly durable: boolean;
  readonly settings: Settings;
}

const defaults: Settings = {
  max_connections: 200,
  shared_buffers: "256MB",
  wal_level: "logical",
  max_replication_slots: 20,
  max_wal_senders: 20,
  // A slot that nobody reads must not fill the disk.
  max_slot_wal_keep_size: "1GB",
  timezone: "UTC",
  default_text_search_config: "pg_catalog.english",
  lc_messages: "C",
  log_timezone: "UTC",
  log_line_prefix: "%m [%p] %q%d ",
  log_checkpoints: false,
  // Statements and failing rows hold what must not be read in a log (session state above all).
  // Whoever needs them while developing sets these two back through `settings`.
  log_min_error_statement: "panic",
  log_error_verbosity: "terse",
};

/**
 * A crash of the machine may destroy the cluster. Commits stay synchronous: whoever kills the
 * server in a test still finds every committed transaction afterwards.
 */
const notDurable: Settings = { fsync: false, full_page_writes: false };

/**
 * The configuration file; later lines win. It lies beside the cluster and is written anew at each
 * start. `ALTER SYSTEM` still takes precedence over it, as before, except for what is fixed.
 */
export function renderConfiguration({ port, durable, settings }: ConfigurationInput): string {
  const fixed: Settings = { listen_addresses: "127.0.0.1", port, unix_socket_directories: "" };
  const all = { ...defaults, ...(durable ? {} : notDurable), ...settings, ...fixed };
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${quote(value)}`);
  return `# Written at each start; pass \`settings\` instead of editing this.\n${lines.join("\n")}\n`;
}

/** One setting must not bring in another one. Whether they exist is for the server to say. */
export function checkSettings(settings: Settings = {}): void {
  for (const [name, value] of Object.entries(settings)) {
    const isName = /^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/i.test(name);
    if (isName && !/[\r\n\0]/.test(String(value))) continue;
    throw new EmbeddedPostgresError(
      "setting_invalid",
      `Not a PostgreSQL setting: ${JSON.stringify({ [name]: value })}`,
    );
  }
}

function quote(value: string | number | boolean): string {
  if (typeof value !== "string") return String(value);
  return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}
