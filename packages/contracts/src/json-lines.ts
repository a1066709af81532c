/**
 * The text of a JSON document as lines, for people: each value and each bracket on a line of its own, with the path that
 * issues name it by, every digit and escape as it was written. Whoever may not read contents gets the same lines with
 * masks in place of values. Takes any text: PostgreSQL's of a jsonb, a person's, one that is no JSON. Does not recurse,
 * because documents may be nested deeper than a stack is, and takes time in proportion to the text.
 */
import { type MaskedKind, showsNumber, showsString } from "./disclosure.ts";
import { maskErrorText } from "./error-text.ts";
import type { Disclosure, Shape, ShownFields } from "./shown-fields.ts";

export type TokenKind =
  | "key"
  | "string"
  | "number"
  | "boolean"
  | "null"
  | "punctuation"
  | "space"
  | "masked"
  /** Of a text that is no JSON. */
  | "other";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

export interface JsonLine {
  /** How far it is to be indented, in levels. Not part of its tokens. */
  readonly depth: number;
  /** Of the value that begins or ends here, as issues name it: `agents[3].confidence`; empty for the whole. */
  readonly path: string;
  /** Those of all lines, one after the other, are the text: with the masks, that of {@link maskJson}. */
  readonly tokens: readonly Token[];
  /** What is said of the value that begins here, or of a field that it lacks. */
  readonly notes: readonly string[];
}

/** Something to be said at a place of a document. */
export interface Note {
  /** As of an issue. */
  readonly path: string;
  readonly message: string;
}

export interface LineOptions {
  /** What is not masked; default: all. */
  readonly shown?: Disclosure;
  readonly notes?: readonly Note[];
}

/** A document in lines. One that is encoded twice is one string; its inner document is masked like any other. */
export function jsonLines(text: string, options: LineOptions = {}): readonly JsonLine[] {
  return new LineWriter(options).write(text);
}

/** The text of a document with masks in it, which is JSON again. */
export function maskJson(text: string, shown: Disclosure): string {
  return textOf(jsonLines(text, { shown }));
}

/** The text of lines, without line breaks of its own. */
export function textOf(lines: readonly JsonLine[]): string {
  return lines.map(({ tokens }) => tokens.map(({ text }) => text).join("")).join("");
}

interface Level {
  readonly isObject: boolean;
  readonly path: string;
  /** Undefined under what is shown whole. */
  readonly shown: ShownFields | readonly [Disclosure] | undefined;
  readonly notes: NoteTree | undefined;
  index: number;
  key: string | undefined;
  maskedKeys: number;
  /** Whether a value begins next, rather than the key of one. */
  awaitsValue: boolean;
}

class LineWriter {
  readonly #root: NoteTree | undefined;
  readonly #shown: Disclosure;
  readonly #lines: { depth: number; path: string; tokens: Token[]; notes: string[] }[] = [];
  readonly #levels: Level[] = [];

  constructor({ shown = "all", notes = [] }: LineOptions) {
    this.#shown = shown;
    this.#root = notes.length === 0 ? undefined : treeOf(notes);
  }

  write(text: string): readonly JsonLine[] {
    this.#startLine(0, "");
    for (let at = 0; at < text.length; ) {
      const token = tokenAt(text, at);
      at += token.text.length;
      const level = this.#levels.at(-1);
      if (token.kind === "space") this.#add(token);
      else if (token.text === "}" || token.text === "]") this.#close(token);
      else if (token.text === "," || token.text === ":") this.#separate(level, token);
      else if (level?.isObject && !level.awaitsValue && !isOpening(token)) this.#key(level, token);
      else at = this.#value(text, at, token, level);
    }
    return this.#lines;
  }

  #startLine(depth: number, path: string): void {
    this.#lines.push({ depth, path, tokens: [], notes: [] });
  }

  #add(token: Token): void {
    this.#lines.at(-1)?.tokens.push(token);
  }

  #close(token: Token): void {
    const level = this.#levels.pop();
    // An empty one closes on its own line.
    if (level !== undefined && level.index > 0) {
      this.#startLine(this.#levels.length, level.path);
    }
    this.#add(token);
  }

  #separate(level: Level | undefined, token: Token): void {
    this.#add(token);
    if (level === undefined) return;
    if (token.text === ":") level.awaitsValue = true;
    else level.awaitsValue = !level.isObject;
  }

  #key(level: Level, token: Token): void {
    const fields = level.shown as ShownFields | undefined;
    const name = stringOf(token.text);
    const isShown = fields === undefined || (name !== undefined && Object.hasOwn(fields, name));
    level.index += 1;
    level.key = isShown ? name : undefined;
    this.#startLine(this.#levels.length, childPath(level));
    if (isShown) this.#add({ kind: name === undefined ? "other" : "key", text: token.text });
    else this.#add({ kind: "masked", text: maskedKey(++level.maskedKeys) });
  }

  /** Adds the value that begins with a token, or opens it. Returns where the text continues. */
  #value(text: string, at: number, token: Token, level: Level | undefined): number {
    if (level !== undefined && !level.isObject) {
      this.#startLine(this.#levels.length, `${level.path}[${level.index}]`);
      level.index += 1;
    }
    // Only of a text that is no JSON: it is nobody's value.
    if (level?.isObject && !level.awaitsValue) level.key = undefined;
    if (level !== undefined) level.awaitsValue = false;
    const notes = level === undefined ? this.#root : level.notes?.child(level);
    const shown = level === undefined ? this.#shown : shownUnder(level);
    const path = this.#lines.at(-1)?.path ?? "";
    this.#lines.at(-1)?.notes.push(...(notes?.own ?? []));
    if (!isOpening(token)) {
      this.#add(scalar(token, shown));
      return at;
    }
    const isObject = token.text === "{";
    const fitting = isObject ? isFields(shown) : Array.isArray(shown);
    if (shown !== "all" && !fitting) {
      this.#add(mask(isObject ? "object" : "list"));
      this.#lines.at(-1)?.notes.push(...(notes?.beneath() ?? []));
      return endOfContainer(text, at);
    }
    this.#add(token);
    this.#levels.push({
      isObject,
      path,
      shown: shown === "all" ? undefined : (shown as ShownFields | readonly [Disclosure]),
      notes,
      index: 0,
      key: undefined,
      maskedKeys: 0,
      awaitsValue: !isObject,
    });
    const missing = isObject ? (notes?.lacking(keysOf(text, at)) ?? []) : [];
    this.#lines.at(-1)?.notes.push(...missing);
    return at;
  }
}

function isOpening({ text }: Token): boolean {
  return text === "{" || text === "[";
}

function shownUnder({ isObject, shown, key }: Level): Disclosure | undefined {
  if (shown === undefined) return "all";
  if (!isObject) return (shown as readonly [Disclosure])[0];
  return key === undefined ? undefined : (shown as ShownFields)[key];
}

function isFields(shown: Disclosure | undefined): boolean {
  return typeof shown === "object" && !Array.isArray(shown);
}

function childPath({ path, key, maskedKeys }: Level): string {
  if (key === undefined) return `${path}${path === "" ? "" : "."}*${maskedKeys + 1}`;
  if (!/^[\w-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

function scalar(token: Token, shown: Disclosure | undefined): Token {
  const { kind, text } = token;
  if (shown === "all" || kind === "null") return token;
  const shape = typeof shown === "string" ? shown : undefined;
  if (kind === "number") return shape !== undefined && showsNumber(shape) ? token : mask("number");
  if (kind === "boolean") return shape === "flag" ? token : mask("boolean");
  if (kind !== "string") return mask("string");
  if (shape !== undefined) return maskedString(token, shape);
  return isFields(shown) ? innerDocument(text, shown as ShownFields) : mask("string");
}

function maskedString(token: Token, shape: Exclude<Shape, "all">): Token {
  if (shape !== "error") return showsString(shape, token.text) ? token : mask("string");
  const words = stringOf(token.text);
  return words === undefined
    ? mask("string")
    : { kind: "string", text: JSON.stringify(maskErrorText(words)) };
}

/** A document that stands as a string, because a client encoded it twice or it was nested too deeply. */
function innerDocument(literal: string, shown: ShownFields): Token {
  const inner = stringOf(literal);
  if (inner === undefined || !isObjectText(inner)) return mask("string");
  // With nothing inside it taken for a document again.
  const masked = maskJson(inner, shown);
  return { kind: "string", text: JSON.stringify(masked) };
}

function isObjectText(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function mask(kind: MaskedKind): Token {
  return { kind: "masked", text: `"(masked ${kind})"` };
}

function maskedKey(index: number): string {
  return `"(masked field ${index})"`;
}

/** The value of a string's literal; undefined where it is none. */
function stringOf(literal: string): string | undefined {
  try {
    const value: unknown = JSON.parse(literal);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

const punctuation = new Set("{}[],:");
const spaces = /\s+/y;
const words = /[^\s{}[\],:"]+/y;
const numeral = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function tokenAt(text: string, at: number): Token {
  const first = text.charAt(at);
  if (punctuation.has(first)) return { kind: "punctuation", text: first };
  if (first === '"') {
    const end = endOfString(text, at);
    return end === undefined
      ? { kind: "other", text: text.slice(at) }
      : { kind: "string", text: text.slice(at, end) };
  }
  const space = matchAt(spaces, text, at);
  if (space !== undefined) return { kind: "space", text: space };
  const word = matchAt(words, text, at) ?? first;
  return { kind: kindOfWord(word), text: word };
}

function kindOfWord(word: string): TokenKind {
  if (numeral.test(word)) return "number";
  if (word === "true" || word === "false") return "boolean";
  return word === "null" ? "null" : "other";
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** Just behind the closing quote of the string that opens at `start`; undefined where it does not close. */
function endOfString(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === 0x5c) at += 1;
    else if (unit === 0x22) return at + 1;
  }
  return undefined;
}

/** Just behind the bracket that closes the one before `at`. */
function endOfContainer(text: string, at: number): number {
  let end = at;
  for (let depth = 1; depth > 0 && end < text.length; ) {
    const { text: token } = tokenAt(text, end);
    end += token.length;
    if (token === "{" || token === "[") depth += 1;
    else if (token === "}" || token === "]") depth -= 1;
  }
  return end;
}

/** The keys of the object that opens before `at`. */
function keysOf(text: string, at: number): ReadonlySet<string> {
  const keys = new Set<string>();
  let awaitsKey = true;
  for (let end = at; end < text.length; ) {
    const token = tokenAt(text, end);
    end += token.text.length;
    if (token.kind === "string" && awaitsKey) keys.add(stringOf(token.text) ?? "");
    if (token.kind !== "space") awaitsKey = token.text === ",";
    if (isOpening(token)) end = endOfContainer(text, end);
    else if (token.text === "}" || token.text === "]") break;
  }
  return keys;
}

/** Notes by the steps of their paths. */
class NoteTree {
  readonly own: string[] = [];
  readonly children = new Map<string, NoteTree>();

  child({ isObject, key, index }: Level): NoteTree | undefined {
    if (!isObject) return this.children.get(`[${index - 1}]`);
    return key === undefined ? undefined : this.children.get(key);
  }

  /** Notes about fields that an object does not have. */
  lacking(keys: ReadonlySet<string>): readonly string[] {
    const missing = [...this.children].filter(([step]) => !keys.has(step));
    return missing.flatMap(([, child]) => [...child.own, ...child.beneath()]);
  }

  beneath(): readonly string[] {
    return [...this.children.values()].flatMap((child) => [...child.own, ...child.beneath()]);
  }
}

/** Of a path beyond so many steps, the first ones are where its note stands. */
const maxSteps = 100;

function treeOf(notes: readonly Note[]): NoteTree {
  const root = new NoteTree();
  for (const { path, message } of notes) {
    let node = root;
    for (const step of (path.match(/\[\d+\]|[^.[\]]+/g) ?? []).slice(0, maxSteps)) {
      const child = node.children.get(step) ?? new NoteTree();
      node.children.set(step, child);
      node = child;
    }
    node.own.push(message);
  }
  return root;
}
