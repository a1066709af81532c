import { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import type pg from "pg";

/**
 * Bytes of one answer, where nothing else is said: many times what any statement of ours asks for that does not read
 * messages.
 */
export const defaultAnswerBytes = 16 * 1024 * 1024;

/**
 * Of messages that are no rows: an error, notices, notifications, the columns of an answer; in bytes, all of one answer
 * together. Whoever sends them without end costs no more than that.
 */
const smallMessageBytes = 1024 * 1024;

/** What the server may say before a session begins, in bytes. */
const greetingBytes = 256 * 1024;

/** What a row takes in memory beside its bytes, and what each of its values does: a null is four bytes on the wire. */
const rowOverhead = 100;
const valueOverhead = 24;

/** The server sent more than anything that we ask for has. Whoever owns the database has put it there. */
export class AnswerTooLargeError extends Error {
  readonly code = "answer_too_large";
  constructor(what: string, limitBytes: number) {
    super(
      `${what} is larger than ${inWords(limitBytes)}, so the connection was cut: see with \`centralcloud doctor\` what somebody has changed there`,
    );
    this.name = "AnswerTooLargeError";
  }
}

/** What answers does not speak the protocol. The code is PostgreSQL's own for it. */
export class ProtocolViolationError extends Error {
  readonly code = "08P01";
  constructor(what: string, options?: ErrorOptions) {
    super(`${what}, which is no answer of a PostgreSQL server`, options);
    this.name = "ProtocolViolationError";
  }
}

const codeOf = (text: string) => text.charCodeAt(0);
const dataRow = codeOf("D");
const readyForQuery = codeOf("Z");
/** Copied rows count as those of an answer do; a copy has no end that we could know. */
const copyData = codeOf("d");
const known = new Set([..."123ACDEGHIKNRSTVWZcdnstv"].map(codeOf));
/** They are lists of texts, and the driver reads on until it finds the list's end. */
const lists = new Set([codeOf("E"), codeOf("N")]);

/** Asks for the password, or says that it was the right one. */
const authentication = codeOf("R");

/**
 * A message begins with its type, one byte, and its length; a row then says how many values it has, and of each its length; one
 * about the password says which step it is.
 */
const headerBytes = { message: 5, row: 2, value: 4, step: 4 } as const;

/**
 * Follows what a server sends, message by message, and finds where one answer is more than it may be: before the
 * driver keeps it, and of a message that is too long before it has come. An answer is what comes until the server is
 * ready for the next statement: rows, notices, notifications, errors. What the driver would misread, to our harm, is
 * found, too: rows whose values overlap or end elsewhere, lists without an end. A server asks for a password once: each
 * time costs us thousands of hashes, by threads that all connections share.
 */
export class AnswerGauge {
  readonly #limitBytes: number;
  /** Whose answers these are, for messages. */
  readonly #database: string;
  #spent = 0;
  /** Of that, what was no row. */
  #spentBesideRows = 0;
  /** The server has never been ready for a statement. */
  #isGreeting = true;
  /** Of what the next header is, and how much of that is here. */
  #part: keyof typeof headerBytes = "message";
  readonly #header = Buffer.alloc(headerBytes.message);
  #headerLength = 0;
  /** The message that has begun, and how much of it is still to come. */
  #type = 0;
  #bodyLeft = 0;
  /** Values of a row that are still to come. */
  #valuesLeft = 0;
  /** Steps of asking for the password that the server has taken. */
  readonly #steps = new Set<number>();
  /** What comes before the next header. */
  #skip = 0;
  /** The last two bytes of a list. */
  #end = 0;

  constructor(limitBytes: number, database: string) {
    this.#limitBytes = limitBytes;
    this.#database = database;
  }

  /** @throws {AnswerTooLargeError} {@link ProtocolViolationError} */
  take(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#skip > 0) {
        const taken = Math.min(this.#skip, chunk.length - at);
        if (lists.has(this.#type)) this.#noteEnd(chunk.subarray(at, at + taken));
        at += taken;
        this.#skip -= taken;
        this.#bodyLeft -= taken;
        if (this.#bodyLeft === 0) this.#finish();
        continue;
      }
      const wanted = headerBytes[this.#part];
      const end = Math.min(chunk.length, at + wanted - this.#headerLength);
      chunk.copy(this.#header, this.#headerLength, at, end);
      this.#headerLength += end - at;
      at = end;
      if (this.#headerLength < wanted) continue;
      this.#headerLength = 0;
      if (this.#part === "message") this.#beginMessage();
      else if (this.#part === "step") this.#noteStep();
      else if (this.#part === "row") this.#beginRow();
      else this.#beginValue();
    }
  }

  #beginMessage(): void {
    this.#type = this.#header[0] ?? 0;
    const length = this.#header.readUInt32BE(1);
    if (!known.has(this.#type) || length < 4) {
      throw new ProtocolViolationError("the server sent a message of an unknown kind");
    }
    const isRow = this.#type === dataRow;
    if (this.#isGreeting && length > greetingBytes) {
      throw new ProtocolViolationError("the server greets with a message of an unlikely length");
    }
    if (!isRow && this.#type !== copyData) {
      this.#spentBesideRows += length;
      if (this.#spentBesideRows > smallMessageBytes) {
        const what = `what ${this.#database} says beside the rows of an answer`;
        throw new AnswerTooLargeError(what, smallMessageBytes);
      }
    }
    this.#spend(1 + length + (isRow ? rowOverhead : 0));
    this.#bodyLeft = length - 4;
    const isStep = this.#type === authentication;
    if (isStep && this.#bodyLeft < headerBytes.step) throw malformed();
    this.#skip = isRow || isStep ? 0 : this.#bodyLeft;
    this.#part = isRow ? "row" : isStep ? "step" : "message";
    this.#end = 0xff_ff;
    if (this.#bodyLeft === 0) this.#finish();
  }

  #noteStep(): void {
    const step = this.#header.readInt32BE(0);
    if (this.#steps.has(step)) {
      throw new ProtocolViolationError("the server asks for the password again and again");
    }
    this.#steps.add(step);
    this.#bodyLeft -= headerBytes.step;
    this.#skip = this.#bodyLeft;
    this.#part = "message";
    if (this.#bodyLeft === 0) this.#finish();
  }

  #beginRow(): void {
    const values = this.#header.readInt16BE(0);
    this.#bodyLeft -= headerBytes.row;
    if (values < 0 || values * headerBytes.value > this.#bodyLeft) throw malformed();
    this.#spend(valueOverhead * values);
    this.#valuesLeft = values;
    this.#part = "value";
    if (values === 0 || this.#bodyLeft === 0) this.#finish();
  }

  #beginValue(): void {
    const length = this.#header.readInt32BE(0);
    this.#bodyLeft -= headerBytes.value;
    this.#valuesLeft -= 1;
    // A null has no bytes, and says -1.
    this.#skip = Math.max(0, length);
    if (length < -1 || this.#skip + this.#valuesLeft * headerBytes.value > this.#bodyLeft) {
      throw malformed();
    }
    if (this.#valuesLeft === 0 && this.#skip !== this.#bodyLeft) throw malformed();
    if (this.#bodyLeft === 0) this.#finish();
  }

  #finish(): void {
    const isCutShort = this.#type === dataRow && (this.#part === "row" || this.#valuesLeft > 0);
    const hasNoEnd = lists.has(this.#type) && this.#end !== 0;
    if (isCutShort || hasNoEnd || this.#bodyLeft !== 0) throw malformed();
    this.#part = "message";
    if (this.#type !== readyForQuery) return;
    this.#spent = 0;
    this.#spentBesideRows = 0;
    this.#isGreeting = false;
  }

  #noteEnd(bytes: Buffer): void {
    for (const byte of bytes.subarray(-2)) this.#end = ((this.#end << 8) | byte) & 0xff_ff;
  }

  #spend(bytes: number): void {
    this.#spent += bytes;
    if (this.#isGreeting && this.#spent > greetingBytes) {
      throw new ProtocolViolationError("the server greets without end");
    }
    if (this.#spent > this.#limitBytes) {
      throw new AnswerTooLargeError(`an answer of ${this.#database}`, this.#limitBytes);
    }
  }
}

function malformed(): ProtocolViolationError {
  return new ProtocolViolationError("the server sent a message that contradicts itself");
}

/** What `pg` does with the stream once it may carry messages; its types do not tell. */
interface ParsingConnection {
  attachListeners(stream: EventEmitter): void;
}

/**
 * Puts a gauge between the stream and the driver of a connection that has not begun. What exceeds the limit, or can't
 * be understood, ends the connection with an error that says so, which every query on it gets; the driver alone would
 * keep all of it, and what it throws at a message that it does not understand would end the process.
 */
export function limitAnswers(
  connection: pg.Connection,
  limitBytes: number,
  database: string,
): void {
  const parsing = connection as unknown as ParsingConnection;
  const attach = parsing.attachListeners.bind(connection);
  parsing.attachListeners = (stream) => {
    const gauge = new AnswerGauge(limitBytes, database);
    const measured = new EventEmitter();
    attach(measured);
    let isOver = false;
    stream.on("data", (chunk: Buffer) => {
      if (isOver) return;
      try {
        gauge.take(chunk);
        measured.emit("data", chunk);
      } catch (error) {
        isOver = true;
        (stream as Duplex).destroy(asFault(error));
      }
    });
  };
}

function asFault(error: unknown): Error {
  if (error instanceof AnswerTooLargeError || error instanceof ProtocolViolationError) return error;
  return new ProtocolViolationError("the server sent a message that can't be read", {
    cause: error,
  });
}

function inWords(bytes: number): string {
  return bytes < 1024 * 1024
    ? `${Math.ceil(bytes / 1024)} kB`
    : `${Math.ceil(bytes / (1024 * 1024))} MB`;
}
