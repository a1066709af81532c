import { readFile, rename, writeFile } from "node:fs/promises";
import { createPool } from "@centralcloud/postgres";
import { definePart, type Part } from "@centralcloud/service";
import {
  addSessionKey,
  createKeyRing,
  formatSessionKey,
  generateKey,
  parseSessionKeys,
  type SessionKey,
} from "@centralcloud/session-keys";
import type { DatabaseUrls } from "./configuration.ts";

/** The key that sessions of the embedded databases are sealed for; there once it has started. */
export interface LocalSessionKey extends Part {
  readonly keys: readonly SessionKey[];
}

/**
 * Makes a session key on the first start, keeps its private part in a file of the owner's alone, and
 * gives the sources the public part, so that sessions are sealed from the first one on.
 */
export function createLocalSessionKey(path: string, readUrls: () => DatabaseUrls): LocalSessionKey {
  let keys: readonly SessionKey[] = [];
  const part = definePart({
    name: "session key",
    async start() {
      keys = (await readKeys(path)) ?? [await makeKey(path)];
      const [publicPart] = (await createKeyRing(keys)).keys;
      if (publicPart === undefined) return;
      const { keyId, alg, publicKey } = publicPart;
      for (const url of readUrls().sourceUrls) {
        const pool = createPool(url, { applicationName: "centralcloud-local", max: 1 });
        const key = { keyId, algorithm: alg, publicKey };
        await addSessionKey(pool, key, { activate: true }).finally(() => pool.end());
      }
    },
    async stop() {},
  });
  return {
    ...part,
    get keys() {
      return keys;
    },
  };
}

async function readKeys(path: string): Promise<SessionKey[] | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  return text === undefined ? undefined : parseSessionKeys(text);
}

async function makeKey(path: string): Promise<SessionKey> {
  // Its id tells when it was made: key ids are never reused, also not after the file was lost.
  const keyId = `local-${new Date().toISOString().replaceAll(/[:.]/g, "-")}`;
  const key = await generateKey({ alg: "openpgp", keyId });
  await writeFile(`${path}.new`, formatSessionKey(key), { mode: 0o600 });
  await rename(`${path}.new`, path);
  return key;
}
