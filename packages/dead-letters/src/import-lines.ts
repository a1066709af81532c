import { createHash } from "node:crypto";
import { isQueueName } from "@centralcloud/contracts";
import { ImportLineError } from "./errors.ts";
import { type DeadLetterSource, orderOf, type Place, placeOf } from "./place.ts";
import { isDeadLetterTime } from "./time-bound.ts";

/* The lines of an export, as an import reads them: each is one dead letter of one queue. */

/** One dead letter of an export. */
export interface ImportLine {
  readonly place: Place;
  /** The dead letter's own id, in decimal digits. */
  readonly id: string;
  /** When it was dead-lettered: ISO 8601. */
  readonly at: string;
  readonly text: string;
  /** In the file, from 1. */
  readonly number: number;
}

/** Gives the lines of a file from the first one on, each time that it is called. */
export type OpenLines = () => AsyncIterable<string>;

/** A file whose every line was checked. */
export interface CheckedFile {
  /** SHA-256 of its lines, in hexadecimal digits: an import is continued with the file that it was begun with. */
  readonly digest: string;
  /** How many dead letters each queue gets, in the order in which the file names the queues. */
  readonly counts: readonly { readonly place: Place; readonly expected: number }[];
}

/** Reads a whole file once. @throws {ImportLineError} for the first line that can't be imported. */
export async function checkLines(
  openLines: OpenLines,
  sources: readonly DeadLetterSource[],
): Promise<CheckedFile> {
  const hash = createHash("sha256");
  const counts = new Map<string, { place: Place; expected: number }>();
  const hashed = async function* () {
    for await (const line of openLines()) {
      hash.update(line).update("\n");
      yield line;
    }
  };
  for await (const { place } of parseLines(hashed(), sources)) {
    const count = counts.get(orderOf(place)) ?? { place, expected: 0 };
    count.expected += 1;
    counts.set(orderOf(place), count);
  }
  return { digest: hash.digest("hex"), counts: [...counts.values()] };
}

/** A batch ends at so many characters. */
const maxCharacters = 8 * 1024 * 1024;

/** Reads the lines of one queue, batch by batch, and holds no more than one batch of them. */
export class PlaceLines {
  readonly #open: () => AsyncGenerator<ImportLine>;
  readonly #place: string;
  #lines: AsyncGenerator<ImportLine> | undefined;
  /** The number of the last line that was given. */
  #position = 0;

  constructor(openLines: OpenLines, sources: readonly DeadLetterSource[], place: Place) {
    this.#open = () => parseLines(openLines(), sources);
    this.#place = orderOf(place);
  }

  /**
   * @param after the number of the line after which the batch begins; 0 for the first one.
   * @param limit how many lines at most.
   */
  async read(after: number, limit: number): Promise<readonly ImportLine[]> {
    if (this.#lines === undefined || this.#position !== after) {
      await this.close();
      this.#lines = this.#open();
    }
    const batch: ImportLine[] = [];
    let characters = 0;
    while (batch.length < limit && characters < maxCharacters) {
      const { value: line, done } = await this.#lines.next();
      if (done) break;
      if (line.number <= after || orderOf(line.place) !== this.#place) continue;
      batch.push(line);
      characters += line.text.length;
    }
    this.#position = batch.at(-1)?.number ?? after;
    return batch;
  }

  /** Closes the file. */
  async close(): Promise<void> {
    await this.#lines?.return(undefined);
    this.#lines = undefined;
  }
}

async function* parseLines(
  lines: AsyncIterable<string>,
  sources: readonly DeadLetterSource[],
): AsyncGenerator<ImportLine> {
  let number = 0;
  for await (const text of lines) {
    number += 1;
    if (text.trim() !== "") yield parseLine(text, number, sources);
  }
}

/** @throws {ImportLineError} */
function parseLine(text: string, number: number, sources: readonly DeadLetterSource[]): ImportLine {
  const fail = (problem: string) => new ImportLineError(number, problem);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fail("is not JSON");
  }
  if (typeof value !== "object" || value === null || !("deadLetter" in value)) {
    throw fail("is not a dead letter as `dlq export` writes it");
  }
  const { source, source_id, queue, id, enqueued_at } = value as Readonly<Record<string, unknown>>;
  if (typeof queue !== "string" || !isQueueName(queue)) throw fail("names no queue of ours");
  if (typeof id !== "string" || !/^\d{1,18}$/.test(id)) throw fail("has no id in digits");
  if (!isDeadLetterTime(enqueued_at)) throw fail("has no enqueued_at in ISO 8601");
  const owner = sources.find(({ sourceId }) => sourceId === source_id);
  if (owner === undefined) {
    throw fail(
      `comes from source ${String(source)} (${String(source_id)}), which is not connected`,
    );
  }
  return { place: placeOf(owner, queue), id, at: enqueued_at, text, number };
}
