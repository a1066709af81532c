/*
 * JSON as PostgreSQL writes a jsonb: one space after each colon and comma, keys by length and then by their bytes,
 * each once, no escape that is not needed, numbers without an exponent. Two documents are equal exactly if these texts
 * are; so what a text is may be told from its parts, without PostgreSQL.
 */

const [quote, comma, colon, space, backslash, minus, point, zero, nine] = [
  0x22, 0x2c, 0x3a, 0x20, 0x5c, 0x2d, 0x2e, 0x30, 0x39,
];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Says that the text is not as PostgreSQL writes it, or that this can't be told here. */
const notCanonical = -1;

/** Members that are looked for, and where their values begin and end: two numbers for each, or -1. */
interface Wanted {
  readonly keys: readonly string[];
  readonly bounds: number[];
}

/**
 * Where the values of some members of an object are in its text, if that is as PostgreSQL's jsonb writes it: two numbers
 * for each key, the start and the end, or -1 where there is none. Undefined for all else, and for what is rare: keys
 * with escapes or characters beyond ASCII. Called for each message, so it makes nothing but its answer.
 *
 * @param text that `JSON.parse` accepts, nested less deep than a stack is.
 */
export function boundsOf(text: string, keys: readonly string[]): readonly number[] | undefined {
  if (text.charCodeAt(0) !== openBrace) return undefined;
  const bounds = new Array<number>(2 * keys.length).fill(-1);
  const end = endOfObject(text, 0, !text.includes("\\"), { keys, bounds });
  return end === text.length ? bounds : undefined;
}

function endOfValue(text: string, at: number, isPlain: boolean): number {
  switch (text.charCodeAt(at)) {
    case quote:
      return endOfString(text, at, isPlain);
    case openBrace:
      return endOfObject(text, at, isPlain);
    case openBracket:
      return endOfArray(text, at, isPlain);
    case 0x74:
      return text.startsWith("true", at) ? at + 4 : notCanonical;
    case 0x66:
      return text.startsWith("false", at) ? at + 5 : notCanonical;
    case 0x6e:
      return text.startsWith("null", at) ? at + 4 : notCanonical;
    default:
      return endOfNumber(text, at);
  }
}

function endOfObject(text: string, start: number, isPlain: boolean, wanted?: Wanted): number {
  let at = start + 1;
  if (text.charCodeAt(at) === closeBrace) return at + 1;
  let keyBefore = 0;
  let lengthBefore = -1;
  for (;;) {
    if (text.charCodeAt(at) !== quote) return notCanonical;
    const key = at + 1;
    at = key;
    for (let code = text.charCodeAt(at); code !== quote; code = text.charCodeAt(++at)) {
      if (code < space || code > 0x7e || code === backslash || Number.isNaN(code)) {
        return notCanonical;
      }
    }
    const length = at - key;
    if (length < lengthBefore) return notCanonical;
    if (length === lengthBefore && !isGreater(text, key, keyBefore, length)) return notCanonical;
    if (text.charCodeAt(at + 1) !== colon || text.charCodeAt(at + 2) !== space) return notCanonical;
    const value = at + 3;
    at = endOfValue(text, value, isPlain);
    if (at === notCanonical) return notCanonical;
    if (wanted !== undefined) note(wanted, text, { key, length, value, end: at });
    const next = text.charCodeAt(at);
    if (next === closeBrace) return at + 1;
    if (next !== comma || text.charCodeAt(at + 1) !== space) return notCanonical;
    keyBefore = key;
    lengthBefore = length;
    at += 2;
  }
}

function note(
  { keys, bounds }: Wanted,
  text: string,
  { key, length, value, end }: { key: number; length: number; value: number; end: number },
): void {
  for (let place = 0; place < keys.length; place++) {
    const wanted = keys[place];
    if (wanted?.length !== length || !text.startsWith(wanted, key)) continue;
    bounds[2 * place] = value;
    bounds[2 * place + 1] = end;
  }
}

/** Of two keys of one length: whether the one comes behind the other. */
function isGreater(text: string, key: number, other: number, length: number): boolean {
  for (let place = 0; place < length; place++) {
    const difference = text.charCodeAt(key + place) - text.charCodeAt(other + place);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

function endOfArray(text: string, start: number, isPlain: boolean): number {
  let at = start + 1;
  if (text.charCodeAt(at) === closeBracket) return at + 1;
  for (;;) {
    at = endOfValue(text, at, isPlain);
    if (at === notCanonical) return notCanonical;
    const next = text.charCodeAt(at);
    if (next === closeBracket) return at + 1;
    if (next !== comma || text.charCodeAt(at + 1) !== space) return notCanonical;
    at += 2;
  }
}

/** @param isPlain whether no string of the text has an escape. */
function endOfString(text: string, start: number, isPlain: boolean): number {
  if (isPlain) {
    const end = text.indexOf('"', start + 1);
    return end === -1 ? notCanonical : end + 1;
  }
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) return at + 1;
    if (code !== backslash) continue;
    at += 1;
    const escaped = text.charAt(at);
    if (escaped === "u") {
      // What has no shorter escape: control characters alone.
      if (!/^00(?:0[0-7bef]|1[0-9a-f])$/.test(text.slice(at + 1, at + 5))) return notCanonical;
      at += 4;
    } else if (!'"\\bfnrt'.includes(escaped)) {
      return notCanonical;
    }
  }
  return notCanonical;
}

function endOfNumber(text: string, start: number): number {
  const isNegative = text.charCodeAt(start) === minus;
  let at = isNegative ? start + 1 : start;
  const whole = at;
  at = endOfDigits(text, at);
  if (at === whole) return notCanonical;
  if (text.charCodeAt(whole) === zero && at > whole + 1) return notCanonical;
  if (text.charCodeAt(at) === point) {
    const fraction = at + 1;
    at = endOfDigits(text, fraction);
    if (at === fraction) return notCanonical;
  }
  // There is no negative zero.
  if (isNegative && !/[1-9]/.test(text.slice(whole, at))) return notCanonical;
  return at;
}

function endOfDigits(text: string, start: number): number {
  let at = start;
  for (let code = text.charCodeAt(at); code >= zero && code <= nine; ) code = text.charCodeAt(++at);
  return at;
}
