import { formatDecimal, parseDecimal } from "./decimal.ts";

/**
 * The text that PostgreSQL returns for a `jsonb` made of this JSON: keys ordered by length and then
 * by bytes, the last of equal keys, numbers as `numeric` writes them. Written from the manual's
 * description of the type, so that the oracle needs no database.
 *
 * Expects text that `JSON.parse` accepts.
 */
export function jsonbText(json: string): string {
  const { text } = valueAt(json, 0);
  return text;
}

interface Read {
  readonly text: string;
  /** Just behind the value. */
  readonly end: number;
}

function valueAt(json: string, start: number): Read {
  const at = skipBlanks(json, start);
  switch (json[at]) {
    case "{":
      return objectAt(json, at);
    case "[":
      return arrayAt(json, at);
    case '"':
      return stringAt(json, at);
    default:
      return scalarAt(json, at);
  }
}

function objectAt(json: string, start: number): Read {
  const members = new Map<string, string>();
  let at = skipBlanks(json, start + 1);
  while (json[at] !== "}") {
    const key = stringAt(json, at);
    const value = valueAt(json, skipBlanks(json, key.end) + 1);
    members.set(JSON.parse(json.slice(at, key.end)) as string, `${key.text}: ${value.text}`);
    at = behindComma(json, value.end);
  }
  const ordered = [...members]
    .map(([key, text]) => ({ bytes: Buffer.from(key), text }))
    .sort((a, b) => a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes));
  return { text: `{${ordered.map(({ text }) => text).join(", ")}}`, end: at + 1 };
}

function arrayAt(json: string, start: number): Read {
  const elements: string[] = [];
  let at = skipBlanks(json, start + 1);
  while (json[at] !== "]") {
    const element = valueAt(json, at);
    elements.push(element.text);
    at = behindComma(json, element.end);
  }
  return { text: `[${elements.join(", ")}]`, end: at + 1 };
}

function stringAt(json: string, start: number): Read {
  let end = start + 1;
  while (json[end] !== '"') end += json[end] === "\\" ? 2 : 1;
  end += 1;
  return { text: quote(JSON.parse(json.slice(start, end)) as string), end };
}

function scalarAt(json: string, start: number): Read {
  let end = start;
  while (end < json.length && !/[\s,\]}]/.test(json.charAt(end))) end += 1;
  const word = json.slice(start, end);
  const isWord = word === "true" || word === "false" || word === "null";
  return { text: isWord ? word : formatDecimal(parseDecimal(word)), end };
}

/** JSON.stringify escapes what PostgreSQL does; it also escapes lone surrogates, which `jsonb` never holds. */
function quote(text: string): string {
  return JSON.stringify(text);
}

function skipBlanks(json: string, start: number): number {
  let at = start;
  while (/\s/.test(json.charAt(at))) at += 1;
  return at;
}

function behindComma(json: string, start: number): number {
  const at = skipBlanks(json, start);
  return json[at] === "," ? skipBlanks(json, at + 1) : at;
}
