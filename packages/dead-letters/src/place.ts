import { deadLetterQueueOf, type QueueName } from "@centralcloud/contracts";
import type { Source } from "@centralcloud/db";
import { queueTable } from "@centralcloud/queue";
import type { Pool } from "pg";

/** A Singularity database that is connected. */
export interface DeadLetterSource extends Source {
  readonly pool: Pool;
}

/** Where to look: every queue named, at every source named. */
export interface DeadLetterScope {
  readonly sources: readonly DeadLetterSource[];
  readonly queues: readonly QueueName[];
}

/** One queue of one source, with the tables that its messages and its dead letters are in. */
export interface Place {
  readonly source: DeadLetterSource;
  readonly queue: QueueName;
  readonly tables: {
    readonly queue: string;
    readonly archive: string;
    readonly deadLetters: string;
    readonly deadLetterArchive: string;
  };
}

/** In the order in which dead letters of the same time and id are listed. */
export function placesOf({ sources, queues }: DeadLetterScope): readonly Place[] {
  const places = sources.flatMap((source) => queues.map((queue) => placeOf(source, queue)));
  return places.sort((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1));
}

export function placeOf(source: DeadLetterSource, queue: QueueName): Place {
  const deadLetters = deadLetterQueueOf(queue);
  return {
    source,
    queue,
    tables: {
      queue: queueTable(queue, "q"),
      archive: queueTable(queue, "a"),
      deadLetters: queueTable(deadLetters, "q"),
      deadLetterArchive: queueTable(deadLetters, "a"),
    },
  };
}

/** A text by which places are compared. */
export function orderOf({
  source,
  queue,
}: {
  readonly source: Pick<Source, "sourceId">;
  readonly queue: string;
}): string {
  return `${source.sourceId}/${queue}`;
}
