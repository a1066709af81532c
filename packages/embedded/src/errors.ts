/** Stable names of what can go wrong; texts may change, these do not. */
export type EmbeddedPostgresErrorCode =
  | "data_directory_in_use"
  | "data_directory_invalid"
  | "data_directory_not_accessible"
  | "database_creation_failed"
  | "initdb_failed"
  | "platform_not_supported"
  | "server_start_failed"
  | "server_start_timeout"
  | "server_user_missing"
  | "setting_invalid"
  | "watchdog_died"
  | "wrong_major_version";

export class EmbeddedPostgresError extends Error {
  readonly code: EmbeddedPostgresErrorCode;

  constructor(code: EmbeddedPostgresErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Another live process has the data directory; the message says which one and what to do. */
export class DataDirectoryInUseError extends EmbeddedPostgresError {
  constructor(message: string) {
    super("data_directory_in_use", message);
  }
}

/** An error on its way from the watchdog to the process that wanted the server. */
export interface SerializedError {
  readonly code: EmbeddedPostgresErrorCode;
  readonly message: string;
}

export function serializeError(error: unknown): SerializedError {
  if (error instanceof EmbeddedPostgresError) return { code: error.code, message: error.message };
  const cause = error as NodeJS.ErrnoException;
  // What the file system refuses is nearly always about the directory the caller has named.
  const isAccess = ["EACCES", "EPERM", "EROFS", "ENOSPC", "ENOTDIR"].includes(cause?.code ?? "");
  return {
    code: isAccess ? "data_directory_not_accessible" : "server_start_failed",
    message: `PostgreSQL could not be started: ${cause?.message ?? String(error)}`,
  };
}

export function deserializeError({ code, message }: SerializedError): EmbeddedPostgresError {
  return code === "data_directory_in_use"
    ? new DataDirectoryInUseError(message)
    : new EmbeddedPostgresError(code, message);
}
