import { createHash } from "node:crypto";

/** Of one source: as many as its database sessions may use at the same time. Each takes a few hundred bytes. */
const mostOfSource = 512;

/**
 * The data keys that were opened, so that one RSA operation serves all states that a data key seals. Each source has
 * room of its own: one that sends a new data key with each message pushes out its own ones alone. What is
 * pushed out, and what did not open, is forgotten; the bytes of a key are overwritten.
 */
export class DataKeys {
  readonly #sources = new Map<string, Map<string, Promise<Buffer>>>();

  /** @param open makes the key where it is not known yet; asked once, however many wait for it. */
  async get(
    source: string,
    sealed: { readonly keyId: string; readonly dataKey: string },
    open: () => Promise<Buffer>,
  ): Promise<Buffer> {
    let known = this.#sources.get(source);
    if (known === undefined) {
      known = new Map();
      this.#sources.set(source, known);
    }
    const name = createHash("sha256").update(`${sealed.keyId} ${sealed.dataKey}`).digest("base64");
    let key = known.get(name);
    if (key === undefined) {
      key = open();
      const opening = key;
      opening.catch(() => {
        if (known.get(name) === opening) known.delete(name);
      });
    } else {
      known.delete(name);
    }
    // The last used one comes last.
    known.set(name, key);
    for (const [oldest, unused] of known) {
      if (known.size <= mostOfSource) break;
      known.delete(oldest);
      wipe(unused);
    }
    return await key;
  }

  /** Forgets all. */
  clear(): void {
    for (const known of this.#sources.values()) for (const key of known.values()) wipe(key);
    this.#sources.clear();
  }
}

/** Whoever waits for the key gets it before. */
function wipe(key: Promise<Buffer>): void {
  key.then(
    (bytes) => bytes.fill(0),
    () => {},
  );
}
