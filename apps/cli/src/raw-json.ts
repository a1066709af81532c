/** JSON text that goes into a document as it is: parsing it would round its numbers. */
export class RawJson {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export function rawOrNull(text: string | null): RawJson | null {
  return text === null ? null : new RawJson(text);
}

/** As `JSON.stringify`, which knows no raw texts on Node 20. */
export function writeJson(value: unknown): string {
  if (value instanceof RawJson) return value.text;
  if (Array.isArray(value)) return `[${value.map((item) => writeJson(item ?? null)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${writeJson(item)}`).join(",")}}`;
}

/** JSON text on several lines, for people. Takes any text that PostgreSQL writes for jsonb. */
export function indentJson(text: string): string {
  let indented = "";
  let depth = 0;
  const newLine = () => `\n${"  ".repeat(depth)}`;
  for (const [token] of text.matchAll(
    /"[^"\\]*(?:\\.[^"\\]*)*"|\{\}|\[\]|[{}[\],:]|[^\s{}[\],:"]+/g,
  )) {
    if (token === "{" || token === "[") {
      depth += 1;
      indented += token + newLine();
    } else if (token === "}" || token === "]") {
      depth -= 1;
      indented += newLine() + token;
    } else if (token === ",") {
      indented += token + newLine();
    } else {
      indented += token === ":" ? ": " : token;
    }
  }
  return indented;
}
