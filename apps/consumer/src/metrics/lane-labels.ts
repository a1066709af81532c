import type { LaneName } from "@centralcloud/lane";

/** Which lane, as metrics call it. */
export interface LaneLabels {
  /** The source's id: its name may be that of another one, too. */
  readonly source: string;
  readonly queue: string;
}

export function labelsOf({ source, sourceId, queue }: LaneName): LaneLabels {
  return { source: sourceId ?? source, queue };
}
