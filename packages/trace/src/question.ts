import { parseTimeBound, SelectionError, type TimeBound } from "@centralcloud/dead-letters";

/** What is asked about: everything of an agent, of a session, or of one message. */
export type TraceSubject =
  | { readonly agent: string }
  | { readonly session: string }
  /** The id that the message has, or had, in its queue. */
  | { readonly msgId: string }
  /** The ULID in the header `message_id`, which replays of the message have, too. */
  | { readonly messageId: string };

/** Moments as UTC with microseconds, of fixed width, so that they compare as texts; null: not bounded there. */
export interface TraceWindow {
  readonly from: string | null;
  readonly to: string | null;
}

export interface TraceQuestion {
  readonly subject: TraceSubject;
  readonly window: TraceWindow;
}

const largestId = 9_223_372_036_854_775_807n;
const ulid = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/**
 * Reads the id of a message: a number as in the log's `msgId`, or a ULID as in its header `message_id`.
 *
 * @throws {SelectionError}
 */
export function parseMessage(text: string): TraceSubject {
  if (/^\d{1,19}$/.test(text) && BigInt(text) <= largestId) return { msgId: `${BigInt(text)}` };
  const upper = text.toUpperCase();
  if (ulid.test(upper)) return { messageId: upper };
  throw new SelectionError(
    `${JSON.stringify(text)} is neither the id of a message (a whole number, as msgId in the log) nor a ULID, as in its header message_id`,
  );
}

/** When a ULID was made, which is when its message was sent; in milliseconds since 1970. */
export function timeOfUlid(text: string): number {
  const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  return [...text.slice(0, 10)].reduce(
    (sum, deadLetter) => sum * 32 + digits.indexOf(deadLetter),
    0,
  );
}

/** A moment as whoever is awake at night writes it: also a time of day, in the time zone of this machine. */
export type TraceTime = TimeBound | { readonly clock: string };

const clock = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/;

/**
 * Reads `14:02` or `14:02:30`, or what {@link parseTimeBound} reads.
 *
 * @throws {SelectionError}
 */
export function parseTraceTime(text: string): TraceTime {
  return clock.test(text) ? { clock: text } : parseTimeBound(text);
}

/**
 * A moment in UTC with microseconds. A time of day is the last one that there was before `now`, in the time zone of this
 * machine; a duration counts back from `now`.
 */
export function momentAt(time: TraceTime, now: Date): string {
  if ("secondsAgo" in time) return utc(now.getTime() - time.secondsAgo * 1_000);
  if ("clock" in time) return utc(lastTimeOfDay(time.clock, now));
  return normalized(time.at) ?? utc(now.getTime());
}

function lastTimeOfDay(text: string, now: Date): number {
  const [, hours, minutes, seconds = "0"] = clock.exec(text) ?? [];
  const at = new Date(now);
  at.setHours(Number(hours), Number(minutes), Number(seconds), 0);
  if (at > now) at.setDate(at.getDate() - 1);
  return at.getTime();
}

/** A moment of JavaScript, as all moments of a trace are written. */
export function utc(ms: number): string {
  const [start = "", fraction = "000Z"] = new Date(ms).toISOString().split(".");
  return `${start}.${fraction.slice(0, 3)}000Z`;
}

/** So many seconds later, or earlier; nothing is known beyond the years that four digits have. */
export function shifted(moment: string, seconds: number): string {
  const ms = Date.parse(`${moment.slice(0, 23)}Z`) + seconds * 1_000;
  return Number.isNaN(ms) ? moment : `${utc(ms).slice(0, 23)}${moment.slice(23)}`;
}

const iso =
  /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d)(?::?(\d\d))?$/;

/** A time with an offset as UTC with microseconds; undefined where the text is none, or lies beyond what is written so. */
export function normalized(text: string): string | undefined {
  const [, day, minute, second = "00", fraction = "", zone = "Z", offset] = iso.exec(text) ?? [];
  if (day === undefined) return undefined;
  const offsetText = zone === "Z" ? "Z" : `${zone}:${offset ?? "00"}`;
  const ms = Date.parse(`${day}T${minute}:${second}${offsetText}`);
  if (Number.isNaN(ms) || Math.abs(ms) > 253_402_300_799_000) return undefined;
  return `${utc(ms).slice(0, 19)}.${fraction.padEnd(6, "0")}Z`;
}

/** Whether a moment lies in a window; both ends belong to it. */
export function isWithin(moment: string, { from, to }: TraceWindow): boolean {
  return (from === null || moment >= from) && (to === null || moment <= to);
}
