import { NotAnObjectError } from "./errors.ts";
import type { KeyRing, Sealed } from "./key-ring.ts";

/**
 * Opens a session's state.
 *
 * @returns its JSON text, as its source wrote it.
 * @throws {SealError} when it does not open, or does not hold a JSON object.
 */
export async function openState(keyRing: KeyRing, sealed: Sealed): Promise<string> {
  const bytes = await keyRing.open(sealed);
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return text;
  } catch {
    // The parser's error quotes the state.
  }
  throw new NotAnObjectError();
}
