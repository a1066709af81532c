import type { Backlog } from "../backlog.ts";
import type { Contender, Lab } from "../scenario.ts";

/** Something that brings what waits in a queue into the central store. */
export interface System {
  readonly name: string;
  /** How it takes messages, which decides how many it is given: `each` for those that take them one by one. */
  readonly takes: "batches" | "each" | "job-each";
  contend(lab: Lab, backlog: Backlog): Contender;
}
