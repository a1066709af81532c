/** A wait that can be ended early; at most one at a time. Leaves no timer behind once it ended. */
export class Sleep {
  #end: (() => void) | undefined;

  /** @param ms milliseconds; a deadline that has passed may make it negative */
  for(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.end(), Math.max(0, ms));
      this.#end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  end(): void {
    this.#end?.();
    this.#end = undefined;
  }
}
