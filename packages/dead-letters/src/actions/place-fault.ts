import type { Place } from "../place.ts";

/** One source failed: what was to be done at the others is done first, and then its error ends the action. */
export class PlaceFaultError extends Error {
  constructor(cause: unknown) {
    super("a source failed", { cause });
    this.name = "PlaceFaultError";
  }
}

/** Does something at a source. Its error says which that is. @throws {PlaceFaultError} */
export async function at<Result>({ source }: Place, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error) error.message = `${source.name}: ${error.message}`;
    throw new PlaceFaultError(error);
  }
}
