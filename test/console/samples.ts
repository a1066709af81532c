import type { TestSystem } from "../support/databases.ts";

/** How a route is asked in a healthy system, for tests that walk all of them. */
export interface Sample {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | readonly string[]>>;
}

/** By path; a route whose path has no variables and whose query needs nothing has none. */
export function samplesOf({ singularity }: TestSystem): Readonly<Record<string, Sample>> {
  return {
    "/queues/{queue}/{source}": {
      params: { queue: "centralcloud-new-patterns", source: singularity.name },
    },
  };
}
