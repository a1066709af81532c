/*
 * One-dimensional arrays as PostgreSQL receives them in binary: nothing is quoted, and nothing looked at for what would
 * have to be. The driver sends each Buffer as it is.
 */

/** Of the elements; PostgreSQL compares it with the parameter's type. */
const typeIds = { bytea: 17, text: 25, jsonb: 3802 } as const;

const headerBytes = 20;

export function binaryArray(
  type: keyof typeof typeIds,
  elements: readonly (string | Uint8Array)[],
): Buffer {
  // A jsonb is its text behind the number of this form.
  const extra = type === "jsonb" ? 1 : 0;
  let bytes = headerBytes;
  for (const element of elements) {
    bytes += 4 + extra + Buffer.byteLength(element);
  }
  const buffer = Buffer.allocUnsafe(bytes);
  buffer.writeInt32BE(elements.length === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(0, 4);
  buffer.writeInt32BE(typeIds[type], 8);
  if (elements.length === 0) return buffer.subarray(0, 12);
  buffer.writeInt32BE(elements.length, 12);
  buffer.writeInt32BE(1, 16);
  let at = headerBytes;
  for (const element of elements) {
    const start = at + 4;
    if (extra === 1) buffer[start] = 1;
    if (typeof element === "string") at = start + extra + buffer.write(element, start + extra);
    else {
      buffer.set(element, start + extra);
      at = start + extra + element.length;
    }
    buffer.writeInt32BE(at - start, start - 4);
  }
  return buffer;
}
