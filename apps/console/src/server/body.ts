import type { IncomingMessage } from "node:http";

/** A body that is not read, and what to answer. */
export class BodyError extends Error {
  readonly status: 413 | 415;
  constructor(status: 413 | 415, message: string) {
    super(message);
    this.name = "BodyError";
    this.status = status;
  }
}

/** No page has a form of so many fields; each that is shown again takes memory. */
const mostFields = 1_000;

/**
 * The fields of a form that was sent, in their order.
 *
 * @param mostBytes of the body; a longer one is not read to its end.
 * @throws {BodyError}
 */
export async function readForm(
  request: IncomingMessage,
  mostBytes: number,
): Promise<URLSearchParams> {
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") {
    throw new BodyError(415, "forms are sent as application/x-www-form-urlencoded");
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) {
      throw new BodyError(413, `what was sent is longer than ${mostBytes} bytes`);
    }
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  if (text.split("&", mostFields + 1).length > mostFields) {
    throw new BodyError(413, `what was sent has more than ${mostFields} fields`);
  }
  return new URLSearchParams(text);
}
