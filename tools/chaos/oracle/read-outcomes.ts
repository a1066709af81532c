import { queueNames } from "@centralcloud/contracts";
import type { SourceDatabase } from "../servers/prepare-databases.ts";

/** Where a source has a message, or had it and put it. */
export interface Trace {
  readonly place: "queue" | "archive" | "dead letters";
  readonly queue: string;
  /** Of the message itself, also where a dead letter holds it. */
  readonly msgId: string;
  readonly enqueuedAt: string;
  readonly deliveries: number;
  /** Of a dead letter. */
  readonly deadLetter: DeadLetter | undefined;
}

export interface DeadLetter {
  readonly reason: string;
  readonly code: string;
  /** How many failed attempts it tells of. */
  readonly attempts: number;
  /** The text of the message that it holds. */
  readonly original: string;
}

/** What a source says of its messages, by their numbers. */
export interface Outcomes {
  /** Those that it took in, and under which identity. */
  readonly sent: ReadonlyMap<number, SentMessage>;
  readonly traces: ReadonlyMap<number, readonly Trace[]>;
  /** Messages that carry no number of this run, in words. */
  readonly strangers: readonly string[];
}

export interface SentMessage {
  readonly queue: string;
  readonly msgId: string;
  readonly enqueuedAt: string;
}

interface Row extends Omit<Trace, "deadLetter"> {
  readonly number: string | null;
  readonly deadLetter: DeadLetter | null;
}

export async function readOutcomes({ database }: SourceDatabase): Promise<Outcomes> {
  const sent = new Map<number, SentMessage>();
  const rows = await database.query<SentMessage & { number: string }>(
    `select number::text, queue, msg_id::text as "msgId", to_jsonb(enqueued_at) #>> '{}' as "enqueuedAt"
       from chaos.sent`,
  );
  for (const { number, ...message } of rows) sent.set(Number(number), message);

  const traces = new Map<number, Trace[]>();
  const strangers: string[] = [];
  for (const queue of queueNames) {
    for (const { number, deadLetter, ...rest } of await database.query<Row>(tracesOf(queue))) {
      const trace = { ...rest, deadLetter: deadLetter ?? undefined };
      if (number === null) {
        strangers.push(
          `${database.server.name}: msg_id ${rest.msgId} in the ${rest.place} of ${queue}`,
        );
        continue;
      }
      const others = traces.get(Number(number));
      if (others === undefined) traces.set(Number(number), [trace]);
      else others.push(trace);
    }
  }
  return { sent, traces, strangers };
}

function tracesOf(queue: string): string {
  const plain = (place: Trace["place"], prefix: string) => `
    select '${place}' as place, '${queue}' as queue, t.headers ->> 'chaos' as number,
           t.msg_id::text as "msgId", to_jsonb(t.enqueued_at) #>> '{}' as "enqueuedAt",
           t.read_ct as deliveries, null::jsonb as "deadLetter"
      from pgmq."${prefix}_${queue}" t`;
  return `${plain("queue", "q")} union all ${plain("archive", "a")} union all
    select 'dead letters', '${queue}', t.message #>> '{original_headers,chaos}',
           t.message ->> 'original_message_id', t.message ->> 'original_enqueued_at',
           (t.message ->> 'read_count')::integer,
           jsonb_build_object('reason', t.message ->> 'reason', 'code', t.message #>> '{error,code}',
             'attempts', jsonb_array_length(t.message -> 'attempts'),
             'original', (t.message -> 'original_message')::text)
      from pgmq."q_${queue}-dlq" t`;
}
