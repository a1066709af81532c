import type { ReplicaReport } from "@centralcloud/central";
import { withoutContents } from "@centralcloud/service";

/** Something that keeps a consumer from its work, in a sentence. */
export interface ConsumerFault {
  readonly what: string;
  /** Whether its work stands still there; else something else is to be looked at. */
  readonly isBad: boolean;
}

/** What keeps a consumer from working; null where it does not say. */
export function faultsOf({ readiness }: ReplicaReport): readonly ConsumerFault[] | null {
  if (readiness === null) return null;
  const { central, sources } = readiness;
  // A consumer of another build may have said more than it should.
  const bad = (what: string): ConsumerFault => ({ what: withoutContents(what), isBad: true });
  return [
    ...(central === undefined ? [] : [bad(`The central store: ${central.error}`)]),
    ...sources.flatMap(({ name, waitingFor, refused, lanes }) => [
      ...(waitingFor === undefined ? [] : [bad(`${name} is not consumed yet: ${waitingFor}`)]),
      ...(refused === undefined ? [] : [bad(`${name} is refused: ${refused}`)]),
      ...lanes.flatMap(({ queue, fault, crashes }) => [
        ...(fault === undefined
          ? []
          : [bad(`${queue} of ${name}, at the ${fault.side} side: ${fault.error}`)]),
        ...(crashes === undefined
          ? []
          : [{ what: `${queue} of ${name} crashed ${crashes} times`, isBad: false }]),
      ]),
    ]),
  ];
}
