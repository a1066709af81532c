/** Which message a seal belongs to. A seal names its own, so that it opens nowhere else. */
export interface SessionIdentity {
  /** The id of the source. */
  readonly source: string;
  /** As the message has them. A seal names strings, so a number is never what it names. */
  readonly agent: string | number;
  readonly session: string | number;
  /** ISO 8601: the message's `synced_at`. */
  readonly version: string;
}

const parts = ["source", "agent", "session", "version"] as const;

type NamedIdentity = Readonly<Record<(typeof parts)[number], string>>;

/** The parts in which a seal's identity differs from that of its message. */
export function differingParts(named: NamedIdentity, expected: SessionIdentity): string[] {
  return parts.filter((part) =>
    part === "version"
      ? !isSameInstant(named.version, expected.version)
      : named[part] !== expected[part],
  );
}

/** The identity on the first line of what was sealed; undefined where there is none, as in older seals. */
export function readIdentity(line: string): NamedIdentity | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined; // the error quotes the text
  }
  const isIdentity =
    typeof value === "object" &&
    value !== null &&
    parts.every((part) => typeof (value as Record<string, unknown>)[part] === "string");
  return isIdentity ? (value as NamedIdentity) : undefined;
}

/** To the microsecond, which Date does not have. False where one of them is no time. */
function isSameInstant(one: string, other: string): boolean {
  if (one === other) return true;
  const [first, second] = [instantOf(one), instantOf(other)];
  return first !== undefined && first === second;
}

function instantOf(text: string): string | undefined {
  const [, seconds, fraction = "", offset = ""] =
    /^(.+?T\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d(?::?\d\d)?)?$/i.exec(text) ?? [];
  const hours = /^[+-]\d\d$/.test(offset) ? `${offset}:00` : offset || "Z";
  const ms = Date.parse(`${seconds}${hours.replace(/^([+-]\d\d)(\d\d)$/, "$1:$2")}`);
  return Number.isNaN(ms) ? undefined : `${ms} ${fraction.padEnd(6, "0")}`;
}
