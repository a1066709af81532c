import type { Events } from "@centralcloud/service";

/** What became of a source's claim to its id: told by whoever consumes or captures it. */
export type SourceObservation =
  /** A database has an id that is another's, and is not consumed until an operator decides. */
  | {
      readonly event: "source-refused";
      /** Host, port and database. */
      readonly address: string;
      /** The id that it has. */
      readonly sourceId: string;
      readonly state: "conflict" | "moved" | "changed";
      readonly error: string;
    }
  /** It is consumed now, after it had been refused. */
  | {
      readonly event: "source-accepted";
      readonly address: string;
      readonly source: string;
      readonly sourceId: string;
    }
  /** A promoted standby has taken the source's place. */
  | {
      readonly event: "source-moved";
      readonly source: string;
      readonly sourceId: string;
      readonly from: string;
      readonly address: string;
    };

/** How each of them is logged. */
export const sourceEvents: Events<SourceObservation> = {
  "source-refused": { level: "error", fault: { about: ["address"], reason: ["state", "error"] } },
  "source-accepted": { level: "info", ends: ["source-refused"] },
  "source-moved": { level: "warn" },
};
