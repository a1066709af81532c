/** A text that is not a sequence of JSON objects. It says where, and not what was there. */
export class NotJsonObjectsError extends Error {
  constructor(what: string) {
    super(what);
    this.name = "NotJsonObjectsError";
  }
}

/**
 * The objects of a text that holds one JSON object after the other, on one line or many: what `cat`
 * makes of several files. White space, and a comma, may be between them.
 *
 * @throws {NotJsonObjectsError}
 */
export function parseJsonObjects(text: string): Record<string, unknown>[] {
  const objects: Record<string, unknown>[] = [];
  // A string as a whole, or a brace outside of one, or a character that may only stand inside of an object.
  const tokens = /"(?:[^"\\]|\\.)*"?|[{}]|[^\s,{}"]/gs;
  let depth = 0;
  let start = 0;
  for (const { 0: token, index } of text.matchAll(tokens)) {
    if (token === "{") {
      if (depth === 0) start = index;
      depth += 1;
    } else if (depth === 0) {
      throw new NotJsonObjectsError("it is not a JSON object, or several of them in a row");
    } else if (token === "}") {
      depth -= 1;
      if (depth === 0) objects.push(parseObject(text.slice(start, index + 1), objects.length + 1));
    }
  }
  if (depth > 0) throw new NotJsonObjectsError(`object ${objects.length + 1} has no end`);
  return objects;
}

function parseObject(text: string, number: number): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    // The parser's own error quotes the text.
    throw new NotJsonObjectsError(`object ${number} is not JSON`);
  }
}
