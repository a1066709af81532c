import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const types: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

const folders = ["../../assets/", "../../dist/browser/"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

interface Asset {
  readonly type: string;
  readonly body: Buffer;
}

const assets = new Map<string, Asset>();
for (const folder of folders) {
  for (const name of readdirSync(folder).toSorted()) {
    const type = types[extname(name)];
    if (type !== undefined) assets.set(name, { type, body: readFileSync(join(folder, name)) });
  }
}

const hash = createHash("sha256");
for (const [name, { body }] of assets) hash.update(name).update("\0").update(body);

/** All assets of this build are under one name that says what is in them, so that they never change under it. */
const base = `/assets/${hash.digest("hex").slice(0, 16)}`;

/** The path of an asset, such as `console.css`. */
export function assetPath(name: string): string {
  if (!assets.has(name)) throw new Error(`there is no asset ${name}`);
  return `${base}/${name}`;
}

/** Answers with an asset. Returns whether the path is that of one. */
export function answerAsset(path: string, response: ServerResponse): boolean {
  if (!path.startsWith(`${base}/`)) return false;
  const asset = assets.get(path.slice(base.length + 1));
  if (asset === undefined) return false;
  response.writeHead(200, {
    "content-type": asset.type,
    "content-length": asset.body.length,
    "cache-control": "public, max-age=31536000, immutable",
  });
  response.end(asset.body);
  return true;
}
