/**
 * Something observable that happens. Each package declares, as a union, the events that it tells of, and how they are
 * logged; a program composes those of its parts. Code that does something calls `observe` with one of them; logs,
 * metrics and traces are sinks of them and the only places that format them.
 *
 * An observation has fields, not sentences, and never a message's content, a database URL or a secret.
 */
export interface ObservedEvent {
  readonly event: string;
}

/** Is told what happens. */
export type Observe<One extends ObservedEvent> = (observation: One) => void;

export type Level = "debug" | "info" | "warn" | "error";

/** How an event is logged. */
export interface EventKind<One extends ObservedEvent = never> {
  readonly level: Level;
  /** Of a fault that may continue: one whose fields `about` and `reason` are those of an earlier one repeats it. */
  readonly fault?: {
    /** Fields that say what it is that does not work. */
    readonly about: readonly string[];
    /** Fields that say why. */
    readonly reason: readonly string[];
  };
  /** The faults that it says the end of; it has the fields that they are about. */
  readonly ends?: readonly string[];
  /** Its fields in a log line, where those are not all of them. */
  readonly brief?: (observation: One) => object;
}

/** How each event of a union is logged; the compiler asks for a line when the union grows. */
export type Events<One extends ObservedEvent> = {
  readonly [Event in One["event"]]: EventKind<Extract<One, { readonly event: Event }>>;
};

/** What every part and every program tells. */
export type PartObservation =
  | {
      readonly event: "part-started";
      readonly part: string;
      /** Where it works, for people. */
      readonly detail?: string;
      /** The port that it listens on. */
      readonly port?: number;
    }
  | { readonly event: "part-stopped"; readonly part: string }
  | { readonly event: "stop-requested"; readonly signal: string }
  /** The process is ended by force now, with exit code 1; what it had not closed. */
  | { readonly event: "stop-overdue"; readonly open: readonly string[] };

/** How each of them is logged. */
export const partEvents: Events<PartObservation> = {
  "part-started": { level: "info" },
  "part-stopped": { level: "info" },
  "stop-requested": { level: "info" },
  "stop-overdue": { level: "error" },
};

/** One `observe` that feeds several sinks, in the given order. */
export function fanOut<One extends ObservedEvent>(...sinks: readonly Observe<One>[]): Observe<One> {
  return (observation) => {
    for (const sink of sinks) sink(observation);
  };
}
