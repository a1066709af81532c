/** Bytes of one change where nothing else is set; what holds more is not kept. As many as one answer may have elsewhere. */
export const defaultChangeBytes = 16 * 1024 * 1024;
/** What may be set: a page of a table and more, and no more than can be written as one JSON text, whatever it takes to escape. */
export const changeBytes = { least: 64 * 1024, most: 64 * 1024 * 1024 };

/** So much of a change that is too long is kept: enough to tell what it is about. */
const headBytes = 4_096;

/** A message begins with its type, one byte, and its length, which counts itself. */
const headerBytes = 5;
const copyData = "d".charCodeAt(0);

/** A change has more bytes than are kept of one: found by the header of its message, before it has come. */
export class ChangeTooLongError extends Error {
  /** PostgreSQL's own for a limit that is exceeded. */
  readonly code = "54000";
  /** The beginning of the frame. */
  readonly head: Buffer;
  constructor(head: Buffer, maxBytes: number) {
    super(`the row is too large: it has more than ${maxBytes} bytes (CDC_MAX_CHANGE_BYTES)`);
    this.name = "ChangeTooLongError";
    this.head = head;
  }
}

/**
 * Follows the messages of a copy, and lets those pass that may be kept. Of one that is too long the beginning is
 * kept and shown, and the rest thrown away as it comes.
 */
export class ChangeGauge {
  readonly #maxBytes: number;
  readonly #onTooLong: (head: Buffer) => void;
  readonly #onBroken: () => void;
  readonly #header = Buffer.alloc(headerBytes);
  #headerLength = 0;
  /** What is still to come of the message that has begun. */
  #left = 0;
  /** The beginning of one that is too long, while it comes. */
  #head: Buffer | undefined;
  #isShown = false;

  /**
   * @param maxBytes of one message.
   * @param onTooLong called once for each, with its first bytes.
   * @param onBroken called where a message has an impossible length: nothing that follows can be understood.
   */
  constructor(maxBytes: number, onTooLong: (head: Buffer) => void, onBroken: () => void) {
    this.#maxBytes = maxBytes;
    this.#onTooLong = onTooLong;
    this.#onBroken = onBroken;
  }

  /** @returns the parts of the chunk that pass; a header that is not whole yet comes with the next chunk. */
  take(chunk: Buffer): readonly Buffer[] {
    const parts: Buffer[] = [];
    let from = 0;
    let at = 0;
    const pass = (to: number) => {
      if (to > from) parts.push(chunk.subarray(from, to));
    };
    while (at < chunk.length) {
      if (this.#left > 0) {
        const end = at + Math.min(this.#left, chunk.length - at);
        this.#left -= end - at;
        if (this.#head !== undefined) {
          this.#keepHead(chunk.subarray(at, end));
          from = end;
        }
        at = end;
        continue;
      }
      const startsHere = this.#headerLength === 0;
      const headerAt = at;
      at += Math.min(headerBytes - this.#headerLength, chunk.length - at);
      chunk.copy(this.#header, this.#headerLength, headerAt, at);
      this.#headerLength += at - headerAt;
      const isData = this.#header[0] === copyData;
      if (this.#headerLength < headerBytes) {
        // Other messages may be the last ones that come by here: nothing of them is held back.
        if (!isData) continue;
        pass(headerAt);
        from = at;
        continue;
      }
      this.#headerLength = 0;
      this.#left = this.#header.readUInt32BE(1) - 4;
      if (this.#left < 0) {
        if (startsHere) pass(headerAt);
        this.#onBroken();
        return parts;
      }
      if (!isData) continue;
      if (this.#left > this.#maxBytes) {
        if (startsHere) pass(headerAt);
        from = at;
        this.#head = Buffer.alloc(0);
        this.#isShown = false;
      } else if (!startsHere) {
        parts.push(Buffer.from(this.#header));
        from = at;
      }
    }
    pass(at);
    return parts;
  }

  #keepHead(bytes: Buffer): void {
    if (this.#head === undefined) return;
    if (!this.#isShown) {
      this.#head = Buffer.concat([this.#head, bytes.subarray(0, headBytes - this.#head.length)]);
      if (this.#head.length === headBytes) {
        this.#isShown = true;
        this.#onTooLong(this.#head);
      }
    }
    if (this.#left === 0) this.#head = undefined;
  }
}
