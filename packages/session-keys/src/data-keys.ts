import { createHash } from "node:crypto";

/** Of one source: as many as its database sessions may use at the same time. Each takes a few hundred bytes. */
const mostOfSource = 512;

/** Of all sources together: 65 for each of a thousand. */
const mostOfAll = 65_536;

/** A source uses a data key for five minutes. One of which nothing came for so long is gone, or rests; in milliseconds. */
const longestIdleMs = 15 * 60_000;

/** The data keys of one source; the one that was used last comes last. */
interface KnownKeys {
  readonly keys: Map<string, Promise<Buffer>>;
  usedAtMs: number;
}

/**
 * The data keys that were opened, so that one RSA operation serves all states that a data key seals. Each source has
 * room of its own: one that sends a new data key with each message pushes out its own ones alone, and where all
 * together have too many, whoever has most of them loses one. What is pushed out, what did not open, and what a source
 * that is gone has left, is forgotten; the bytes of a key are overwritten.
 */
export class DataKeys {
  /** The source that was used last comes last. */
  readonly #sources = new Map<string, KnownKeys>();
  readonly #most: number;
  readonly #now: () => number;
  #count = 0;

  /**
   * @param most keys of all sources together.
   * @param now a clock that does not go back, in milliseconds.
   */
  constructor(most = mostOfAll, now = () => performance.now()) {
    this.#most = most;
    this.#now = now;
  }

  /**
   * A copy of the key, which is the caller's to overwrite.
   *
   * @param open makes the key where it is not known yet; asked once, however many wait for it.
   */
  async get(
    source: string,
    sealed: { readonly keyId: string; readonly dataKey: string },
    open: () => Promise<Buffer>,
  ): Promise<Buffer> {
    const known = this.#use(source);
    const { keys } = known;
    const name = createHash("sha256").update(`${sealed.keyId} ${sealed.dataKey}`).digest("base64");
    let key = keys.get(name);
    if (key === undefined) {
      key = open();
      this.#count += 1;
      const opening = key;
      opening.catch(() => {
        if (keys.get(name) === opening) this.#remove(source, known, name);
      });
    } else {
      keys.delete(name);
    }
    keys.set(name, key);
    // Before anybody can push it out, since it is overwritten then.
    const copy = key.then((bytes) => Buffer.from(bytes));
    if (keys.size > mostOfSource) this.#forgetOldest(source, known);
    if (this.#count > this.#most) this.#forgetOneOfMost();
    return await copy;
  }

  /** How many are known. */
  get size(): number {
    return this.#count;
  }

  /** Forgets all. */
  clear(): void {
    for (const [source, known] of this.#sources) this.#forgetAll(source, known);
  }

  #use(source: string): KnownKeys {
    const nowMs = this.#now();
    for (const [idle, known] of this.#sources) {
      if (nowMs - known.usedAtMs <= longestIdleMs) break;
      this.#forgetAll(idle, known);
    }
    const known = this.#sources.get(source) ?? { keys: new Map(), usedAtMs: nowMs };
    known.usedAtMs = nowMs;
    this.#sources.delete(source);
    this.#sources.set(source, known);
    return known;
  }

  #forgetOldest(source: string, known: KnownKeys): void {
    const [oldest] = known.keys.keys();
    if (oldest !== undefined) this.#forget(source, known, oldest);
  }

  #forgetOneOfMost(): void {
    const [[source, known] = [], ...others] = this.#sources;
    if (source === undefined || known === undefined) return;
    let most: readonly [string, KnownKeys] = [source, known];
    for (const other of others) if (other[1].keys.size > most[1].keys.size) most = other;
    this.#forgetOldest(...most);
  }

  #forgetAll(source: string, known: KnownKeys): void {
    for (const name of known.keys.keys()) this.#forget(source, known, name);
  }

  #forget(source: string, known: KnownKeys, name: string): void {
    const key = known.keys.get(name);
    this.#remove(source, known, name);
    if (key !== undefined) wipe(key);
  }

  #remove(source: string, known: KnownKeys, name: string): void {
    if (known.keys.delete(name)) this.#count -= 1;
    if (known.keys.size === 0 && this.#sources.get(source) === known) this.#sources.delete(source);
  }
}

function wipe(key: Promise<Buffer>): void {
  key.then(
    (bytes) => bytes.fill(0),
    () => {},
  );
}
