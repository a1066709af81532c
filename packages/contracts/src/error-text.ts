/**
 * Errors without the values that they quote. A database quotes the row that it refused, other clients may write anything,
 * and messages come in many languages: so what is shown is what is known to be words of an error, and all else is masked.
 */
import { isContractPath } from "./contract-paths.ts";
import { fieldRules } from "./fields.ts";

/** Stands for what was taken out. */
const maskedValue = "…";

/** Longer ones are cut off: the start of an error says what it is. */
const maxLength = 2_000;

/** How a job's error ends: with a code of one of PostgreSQL's classes. */
const sqlState = / \((?:[02][0-9A-Z]|3[0-9BDF]|4[0-4]|5[3-8]|72|F0|HV|P0|XX)[0-9A-Z]{3}\)$/;

/** ` (and 2 more)` after the first issue of several. */
const others = / \(and \d{1,9} more\)$/;

/** What of an error may be shown to somebody who may not read contents. */
export function maskErrorText(text: string): string {
  if (isOwnSentence(text.replace(others, ""))) return text;
  const cut = text.slice(0, maxLength);
  const state = sqlState.exec(cut)?.[0] ?? "";
  return `${withoutUnknownWords(withoutQuoted(cut.slice(0, cut.length - state.length)))}${state}`;
}

/** Whether a text is what a contract, or a consumer, says of a message by itself: such sentences hold no values. */
function isOwnSentence(text: string): boolean {
  if (text.length > maxLength) return false;
  if (ownSentences.test(text)) return true;
  const space = text.startsWith("the message ") ? "the message".length : text.indexOf(" ");
  const [subject, predicate] = [text.slice(0, space), text.slice(space + 1)];
  const isSubject = subject === "the message" || (subject !== "" && isContractPath(subject));
  return isSubject && (fieldRules.includes(predicate) || ownPredicates.test(predicate));
}

/** What contracts say of a message besides the rules of its fields; each is met by a test of what contracts say. */
const ownPredicates = new RegExp(
  `^(?:${[
    "is missing",
    "must not be null",
    "must be an array",
    "must hold exactly one of session_state and sealed",
    "is empty \\(SQL NULL\\)",
    "is not JSON",
    "is a string that does not hold JSON",
    "has (?:at least )?\\d{1,9} more issues",
    "(?:is nested deeper than \\d{1,9} levels|holds (?:half of a surrogate pair|a number with too many digits|the character \\\\u0000)), which can't be stored",
  ].join("|")})$`,
);

/** What consumers say of a message, and what stands in a dead letter where they say no more. */
const ownSentences = new RegExp(
  `^(?:${[
    "it has \\d{1,12} bytes, more than is allowed",
    "it was delivered \\d{1,9} times without a result",
    "it came in plain, and this consumer takes sealed sessions only",
    'sealed for key "[\\w.-]{1,64}", which this key ring does not hold',
    'the seal does not open with key "[\\w.-]{1,64}": it is damaged, or was sealed for another key',
    "the seal opens, but names (?:no session|another (?:source|agent|session|version)(?: and (?:source|agent|session|version))*): it was made for another message",
    "the seal opens, but does not hold a JSON object",
    "the message breaks its contract",
  ].join("|")})$`,
);

/** After these words PostgreSQL quotes the name of an object, and elsewhere mostly values. */
const namedObjects = "relation|constraint|column|table|index|type|function|schema|sequence|trigger";
const quotedName = new RegExp(
  `(?<=\\b(?:${namedObjects}) )"[a-z_][a-z0-9_]{0,62}"(?![^\\s.,;:)])`,
  "y",
);

/**
 * Without what is in quotation marks or brackets after `=`. A value may hold quotation marks itself, and PostgreSQL does
 * not escape them: so all is taken out from the first one to the last.
 */
function withoutQuoted(text: string): string {
  let kept = "";
  for (let at = 0; at < text.length; ) {
    quotedName.lastIndex = at;
    const name = quotedName.exec(text)?.[0];
    if (name !== undefined) {
      kept += name;
      at += name.length;
      continue;
    }
    const character = text.charAt(at);
    const closing = closingOf(text, at, character);
    if (closing === undefined) {
      kept += character;
      at += 1;
    } else {
      kept += `${character}${maskedValue}${closing.mark}`;
      at = closing.end;
    }
  }
  return kept;
}

const quotationMarks = `"'\`«»„“”‚‘’‹›`;

function closingOf(text: string, at: number, character: string) {
  if (character === "(") {
    if (!/(?:=|contains )$/i.test(text.slice(Math.max(0, at - 9), at))) return undefined;
    return upTo(text, at, [")"]);
  }
  if (!quotationMarks.includes(character)) return undefined;
  // An apostrophe, as in "can't".
  if (/['’]/.test(character) && /\p{L}/u.test(text.charAt(at - 1))) return undefined;
  return upTo(text, at, [...quotationMarks]);
}

function upTo(text: string, at: number, marks: readonly string[]) {
  const last = Math.max(...marks.map((mark) => text.lastIndexOf(mark)));
  return last > at ? { mark: text.charAt(last), end: last + 1 } : { mark: "", end: text.length };
}

/** Names, words with what they are joined by, and single characters between them. */
const parts = /"[a-z0-9_]+"|[\p{L}\p{M}\p{N}_]+(?:['’]\p{L}+)?|[^\p{L}\p{M}\p{N}_]/gu;
const isMark = /^[\s.,;:!?()[\]{}="'`«»„“”‚‘’‹›…/-]$/u;

function withoutUnknownWords(text: string): string {
  const shown = Array.from(text.matchAll(parts), ([part]) => {
    if (/^"[a-z0-9_]+"$/.test(part) || isMark.test(part)) return part;
    return errorWords.has(part.toLowerCase()) ? part : maskedValue;
  });
  return shown.join("").replaceAll(/…(?:[\s.,;:/-]*…)+/gu, maskedValue);
}

/** The words of PostgreSQL's messages about data, limits and connections, and of our own errors. In lower case. */
const errorWords: ReadonlySet<string> = new Set(
  `
a abort aborted accept accepted accepts administrator agent allowed already an and another any are array as at
attempt attempts be because been before beyond bigint binary bit boolean both broken but by byte bytes call
came can can't canceled canceling cancelled cannot cascade case cast cause causes change character characters
check checks class client closed code collation column columns command commit concurrent conflict conflicts
connect connection conninfo consider constant constraint consumer contain contained contains context
conversion convert could count crashed create current damaged data database date day days deadlock deep
default deferred delete delivered denied dependencies depth detail detected different digit digits dimension
dimensions disk division do does double due duplicate during eai_again econnrefused econnreset element
elements empty encoding end enotfound epipe error escape etimedout exceed exceeded exceeds exclusion exist
exists expected expression extension failed failing failure false field fields file find first fit floating
for foreign format found from full function garbage getaddrinfo given greater group hang has have held
hexadecimal high hint hold holds identity in inconsistent index infinite infinity initialized input insert
integer interrupted interval into invalid invalidated is it it's its json jsonb jsonpath key keys known lacks
large larger left length less level limit limits line list lock locks long longer lost low made maintenance
malformed materialized maximum may memory message messages minimum missing mixed mixing mode more must name
names negative nested new no node nonexistent nor not null number numeric object octet of off on only open
opens operation operator or order other out outside overflow own owner page pair parameter parse parsing
partition path pattern permission plain point policy position positive precision present prevented privilege
process program property quantity query quoted range reached read real record recovery referenced references
refresh refused relation relations remaining replication request requested required requires reserved reset
result retry returned returning returns right ring role row rows rule savepoint scale schema seal sealed
security segment select send sending sent sequence serialization serialize server session sessions set shared
should shutdown size smaller smallint socket space specified stack standby start state statement status still
storage stored string structure subscript such support supported surrogate syntax system table tablespace
takes target temporary terminated terminating terminator text than that the there this time timed timeout
times timestamp to token too transaction transactions tried trigger true trying tuple type unable undefined
underflow unexpected unexpectedly unicode unique unknown unsupported unterminated update updated updates use
used user using uuid valid value values varying version view violate violates violating violation wait waiting
waits was were when where which while with within without words would write year zero zone
`.split(/\s+/),
);
