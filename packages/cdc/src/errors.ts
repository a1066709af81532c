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

/** The error is one of the central store's: nothing is wrong with the source. */
export class CentralFaultError extends Error {
  readonly code: string;
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "CentralFaultError";
    this.code = codeOf(cause);
  }
}

/** Does something in the central store. @throws {CentralFaultError} */
export async function centrally<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw new CentralFaultError(error);
  }
}

/** The SQLSTATE of an error, or the operating system's code, or `unknown`. */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "unknown";
}
