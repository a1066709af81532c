/** One of the databases that a process has configured, as far as the process knows. */
export interface ConfiguredSource {
  /** Host, port and database. */
  readonly address: string;
  /** Whether it is known not to answer, or not to be consumed. */
  readonly isAway: boolean;
  /** The id that it said last; undefined before it has said any. */
  readonly saidId: string | undefined;
}

/**
 * Which of the others may be the same source as the one that says `sourceId`: those that answer, and say that id, or have
 * not said any yet. An address alone tells nothing: each host has a `localhost` of its own.
 */
export function twinsOf<Configured extends ConfiguredSource>(
  one: Configured,
  all: Iterable<Configured>,
  sourceId: string,
): readonly Configured[] {
  return [...all].filter(
    (other) =>
      other !== one && !other.isAway && (other.saidId === undefined || other.saidId === sourceId),
  );
}
