/** Reads the fields of a binary message in their order. */
export class ByteReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** One byte as the ASCII character that PostgreSQL's manual calls it by. */
  character(): string {
    return String.fromCharCode(this.uint8());
  }

  uint8(): number {
    this.#offset += 1;
    return this.#bytes.readUInt8(this.#offset - 1);
  }

  int16(): number {
    this.#offset += 2;
    return this.#bytes.readInt16BE(this.#offset - 2);
  }

  int32(): number {
    this.#offset += 4;
    return this.#bytes.readInt32BE(this.#offset - 4);
  }

  uint32(): number {
    this.#offset += 4;
    return this.#bytes.readUInt32BE(this.#offset - 4);
  }

  int64(): bigint {
    this.#offset += 8;
    return this.#bytes.readBigInt64BE(this.#offset - 8);
  }

  uint64(): bigint {
    this.#offset += 8;
    return this.#bytes.readBigUInt64BE(this.#offset - 8);
  }

  /** A string that ends with a zero byte. */
  name(): string {
    const end = this.#bytes.indexOf(0, this.#offset);
    const text = this.#bytes.toString("utf8", this.#offset, end);
    this.#offset = end + 1;
    return text;
  }

  /** A string of so many bytes. */
  text(length: number): string {
    this.#offset += length;
    return this.#bytes.toString("utf8", this.#offset - length, this.#offset);
  }
}
