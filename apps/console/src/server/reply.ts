import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Download } from "../routing/route.ts";

/** A page that was rendered. */
export function sendPage(response: ServerResponse, status: number, html: string): void {
  const body = Buffer.from(html);
  response.writeHead(status, {
    "content-type": "text/html; charset=utf-8",
    "content-length": body.length,
  });
  response.end(body);
}

export function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(text);
}

/** To another page, by GET. */
export function redirect(response: ServerResponse, location: string): void {
  response.writeHead(303, { location });
  response.end();
}

export async function sendDownload(
  response: ServerResponse,
  { type, fileName, body }: Download,
): Promise<void> {
  const name = fileName?.replaceAll(/[^\w.-]/g, "_");
  response.writeHead(200, {
    "content-type": type,
    ...(name === undefined ? {} : { "content-disposition": `attachment; filename="${name}"` }),
  });
  if (typeof body === "string") response.end(body);
  else await pipeline(body, response);
}
