/** What a screen needs of standard output. */
export interface ScreenStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Standard output as lines that stay, and on a terminal a block below them that is redrawn. */
export interface Screen {
  /** Whether it is a terminal; on anything else `show` does nothing. */
  readonly isLive: boolean;
  /** Lines that stay. */
  print(text: string): void;
  /** Replaces the block below. */
  show(block: readonly string[]): void;
  /** Leaves the block where it is; what follows is printed below it. */
  release(): void;
}

export function createScreen(
  stream: ScreenStream,
  isLive = stream.isTTY === true && process.env.TERM !== "dumb",
): Screen {
  let block: readonly string[] = [];

  // The cursor rests below the block. One write for both steps, so that nothing flickers.
  function redraw(above: string, next: readonly string[]): void {
    const erase = block.length > 0 ? `\r\x1b[${block.length}A\x1b[J` : "";
    // A line that wrapped would be two to erase.
    const width = Math.max(1, (stream.columns ?? 80) - 1);
    const lines = next.map((line) => `${line.slice(0, width)}\n`);
    stream.write(erase + above + lines.join(""));
    block = next;
  }

  return {
    isLive,
    print(text) {
      redraw(`${text}\n`, block);
    },
    show(next) {
      if (isLive) redraw("", next);
    },
    release() {
      block = [];
    },
  };
}
