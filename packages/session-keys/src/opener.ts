/** A pair of keys as a key file writes them. */
export interface KeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
}

/** A key that is ready to be used: read, checked, and in the form that the arithmetic needs. */
export interface Opener {
  /** The public key in the form that the databases keep. */
  readonly publicKey: Uint8Array;
  /** Rejects, with whatever error, when the seal is not one for this key or is damaged. */
  open(data: Uint8Array): Promise<Uint8Array>;
}

/** A key's file is well-formed, but the key in it can't be used. The message follows the key's name. */
export class UnusableKeyError extends Error {
  constructor(why: string) {
    super(why);
    this.name = "UnusableKeyError";
  }
}
