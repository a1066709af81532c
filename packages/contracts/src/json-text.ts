/**
 * What the text of a JSON document says and its parsed value doesn't: how numbers were written, and what a later
 * duplicate of a key hid. All functions expect text that `JSON.parse` accepted, and none recurses: documents may be
 * nested deeper than a stack is.
 */
import { maxExponent, maxNumeralDigits, withoutExponent } from "./decimal.ts";

/**
 * PostgreSQL's jsonb parser recurses, and its stack ends at some thousand levels. Not at the same for each server: what
 * one has taken another may refuse, and so may the same one when a level is added. This is far above any honest use.
 */
const maxDepth = 500;

const [quote, backslash, minus] = [0x22, 0x5c, 0x2d];

const halfPair = "holds half of a surrogate pair";

/**
 * A numeral that may have been rounded to another whole number: 17 digits are needed to round to one, or an exponent of
 * -3xx to vanish. No part can match in two ways that differ by more than 16 characters, so it costs linear time.
 */
const longNumerals = /[0-9.]{17,}(?:[eE][+-]?[0-9]+)?|[0-9.]+[eE]-[0-9]{3,}/g;
const longNumeral = new RegExp(longNumerals.source);

/** More digits than this are too many for an identifier, whatever they round to. */
const muchLonger = 500;

/**
 * Whether a numeral in the text may have been rounded to another whole number, or hides its length. Cheap, and says yes
 * too often rather than too seldom: it does not tell strings from numbers.
 */
export function mayHoldRoundedNumbers(text: string): boolean {
  for (const [numeral] of text.matchAll(longNumerals)) {
    if (numeral.length > muchLonger || Number.isInteger(Number(numeral))) return true;
  }
  return false;
}

/**
 * The same document with each long numeral as a string, so that a contract sees it exactly as PostgreSQL will: with
 * every digit, and without an exponent.
 */
export function quoteLongNumerals(text: string): string {
  let quoted = "";
  let copied = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = endOfString(text, at);
    } else if (startsNumeral(code)) {
      const end = endOfNumeral(text, at);
      const numeral = text.slice(at, end);
      if (longNumeral.test(numeral)) {
        quoted += `${text.slice(copied, at)}"${withoutExponent(numeral)}"`;
        copied = end;
      }
      at = end;
    } else {
      at += 1;
    }
  }
  return quoted + text.slice(copied);
}

/** Why the central store's jsonb may refuse what another jsonb has taken, as the end of a sentence. */
export function reasonNotNestable(text: string): string | undefined {
  // each level needs two brackets
  if (text.length <= 2 * maxDepth) return undefined;
  let depth = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = endOfString(text, at);
      continue;
    }
    if (opens(code)) depth += 1;
    else if (closes(code)) depth -= 1;
    if (depth > maxDepth) return `is nested deeper than ${maxDepth} levels`;
    at += 1;
  }
  return undefined;
}

/** Why PostgreSQL's jsonb would refuse a document that it has not seen, as the end of a sentence. */
export function reasonNotStorable(text: string): string | undefined {
  if (/\p{Surrogate}/u.test(text)) return halfPair;
  const hasEscapes = text.includes("\\u");
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const end = endOfString(text, at);
      const reason = hasEscapes ? reasonInString(text.slice(at, end)) : undefined;
      if (reason !== undefined) return reason;
      at = end;
    } else if (startsNumeral(code)) {
      const end = endOfNumeral(text, at);
      if (isOversized(text.slice(at, end))) return "holds a number with too many digits";
      at = end;
    } else {
      at += 1;
    }
  }
  return reasonNotNestable(text);
}

function reasonInString(literal: string): string | undefined {
  let awaited = -1; // where the second half of a surrogate pair must start, after its first half
  for (const match of literal.matchAll(/\\(?:u([0-9a-fA-F]{4})|[^u])/g)) {
    const unit = Number.parseInt(match[1] ?? "0020", 16);
    const isLow = unit >= 0xdc00 && unit <= 0xdfff;
    if (isLow ? match.index !== awaited : awaited !== -1) return halfPair;
    if (unit === 0) return "holds the character \\u0000";
    awaited = unit >= 0xd800 && unit <= 0xdbff ? match.index + match[0].length : -1;
  }
  return awaited === -1 ? undefined : halfPair;
}

function isOversized(numeral: string): boolean {
  if (numeral.length > maxNumeralDigits) return true;
  const exponent = /[eE](.+)/.exec(numeral)?.[1];
  return exponent !== undefined && Math.abs(Number(exponent)) > maxExponent;
}

function opens(code: number): boolean {
  return code === 0x7b || code === 0x5b;
}

function closes(code: number): boolean {
  return code === 0x7d || code === 0x5d;
}

function startsNumeral(code: number): boolean {
  return code === minus || (code >= 0x30 && code <= 0x39);
}

function continuesNumeral(code: number): boolean {
  // . e E +
  return startsNumeral(code) || code === 0x2e || code === 0x65 || code === 0x45 || code === 0x2b;
}

/** Just behind the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === backslash) backslashes += 1;
    if (backslashes % 2 === 0) return end + 1;
  }
}

function endOfNumeral(text: string, start: number): number {
  let at = start + 1;
  while (continuesNumeral(text.charCodeAt(at))) at += 1;
  return at;
}
