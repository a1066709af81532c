/** What was seen at a database when it was last looked at. */
export interface Look<Seen> {
  /** Host, port and name of the database. */
  readonly place: string;
  readonly what: "source" | "central" | "capture";
  /** Of the last look that came to its end; undefined while none has. */
  readonly seen: Seen | undefined;
  /** When that was, in seconds since 1970; 0 while there was none. */
  readonly seenAt: number;
  /** Whether the last look saw nothing. */
  readonly isFailing: boolean;
}

/** A look that can be taken; {@link Looks} decides when. */
export interface RepeatableLook<Seen> extends Look<Seen> {
  /** Looks once more; never rejects. What it sees is there when it resolves. */
  take(): Promise<void>;
}

export interface LookOptions<Seen> extends Pick<Look<Seen>, "place" | "what"> {
  readonly look: () => Promise<Seen>;
  readonly onFailure: (error: unknown) => void;
  /** Called for a look that saw something after one that did not. */
  readonly onRecovery: () => void;
}

export function createLook<Seen>(options: LookOptions<Seen>): RepeatableLook<Seen> {
  const { place, what, look, onFailure, onRecovery } = options;
  let seen: Seen | undefined;
  let seenAt = 0;
  let isFailing = false;
  return {
    place,
    what,
    get seen() {
      return seen;
    },
    get seenAt() {
      return seenAt;
    },
    get isFailing() {
      return isFailing;
    },
    async take() {
      try {
        seen = await look();
        seenAt = Date.now() / 1000;
        if (isFailing) onRecovery();
        isFailing = false;
      } catch (error) {
        isFailing = true;
        onFailure(error);
      }
    },
  };
}
