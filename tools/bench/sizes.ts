import type { Options } from "./options.ts";

/** How much of everything: messages, unless it says otherwise. */
export interface Sizes {
  readonly drain: number;
  /** For systems that take one message at a time: their rate does not depend on the number. */
  readonly oneByOne: number;
  readonly jobPerMessage: number;
  readonly large: number;
  readonly largeOneByOne: number;
  readonly largeJobPerMessage: number;
  readonly backlogs: readonly number[];
  readonly archive: {
    readonly archived: number;
    readonly ledger: number;
    readonly messages: number;
  };
  readonly replicas: { readonly counts: readonly number[]; readonly messages: number };
  readonly snapshot: number;
  readonly poison: number;
  readonly latency: {
    readonly rates: readonly number[];
    readonly warmUpS: number;
    readonly seconds: number;
  };
  readonly idle: { readonly settleS: number; readonly seconds: number };
  /** How long it is measured, and how many messages wait in each good source. */
  readonly hostile: { readonly seconds: number; readonly least: number };
  /** Rows of each procedure. */
  readonly procedures: number;
  /** Sealed sessions, and as many patterns. */
  readonly sessions: number;
  /** Of each queue. */
  readonly queues: number;
  readonly sessionUpdates: { readonly together: number; readonly singly: number };
  /** Dead letters, and as many archived messages. */
  readonly replay: number;
  /** Results a second, for how long, and how often they are learned: whole minutes from a minute on. */
  readonly learning: {
    readonly perSecond: number;
    readonly seconds: number;
    readonly intervalS: number;
  };
}

const full: Sizes = {
  drain: 200_000,
  oneByOne: 4_000,
  jobPerMessage: 20_000,
  large: 20_000,
  largeOneByOne: 2_000,
  largeJobPerMessage: 5_000,
  backlogs: [30_000, 300_000, 1_000_000],
  archive: { archived: 10_000_000, ledger: 1_000_000, messages: 100_000 },
  replicas: { counts: [1, 2, 4, 8, 32], messages: 200_000 },
  snapshot: 100_000,
  poison: 100_000,
  latency: { rates: [200, 2_000], warmUpS: 5, seconds: 30 },
  idle: { settleS: 10, seconds: 60 },
  hostile: { seconds: 120, least: 10_000 },
  procedures: 20_000,
  sessions: 20_000,
  queues: 20_000,
  sessionUpdates: { together: 10_000, singly: 2_000 },
  replay: 30_000,
  learning: { perSecond: 84, seconds: 600, intervalS: 300 },
};

const quick: Sizes = {
  drain: 1_000,
  oneByOne: 50,
  jobPerMessage: 100,
  large: 200,
  largeOneByOne: 50,
  largeJobPerMessage: 100,
  backlogs: [500, 1_000],
  archive: { archived: 5_000, ledger: 2_000, messages: 1_000 },
  replicas: { counts: [2], messages: 1_000 },
  snapshot: 500,
  poison: 300,
  latency: { rates: [100], warmUpS: 0.3, seconds: 1 },
  idle: { settleS: 0.5, seconds: 1 },
  hostile: { seconds: 5, least: 200 },
  procedures: 100,
  sessions: 300,
  queues: 200,
  sessionUpdates: { together: 100, singly: 20 },
  replay: 200,
  learning: { perSecond: 50, seconds: 2, intervalS: 1 },
};

export function sizesFor({ quick: small, scale }: Options): Sizes {
  const sizes = small ? quick : full;
  const times = (count: number) => Math.max(1, Math.round(count * scale));
  return {
    ...sizes,
    drain: times(sizes.drain),
    oneByOne: times(sizes.oneByOne),
    jobPerMessage: times(sizes.jobPerMessage),
    large: times(sizes.large),
    largeOneByOne: times(sizes.largeOneByOne),
    largeJobPerMessage: times(sizes.largeJobPerMessage),
    backlogs: sizes.backlogs.map(times),
    archive: {
      archived: times(sizes.archive.archived),
      ledger: times(sizes.archive.ledger),
      messages: times(sizes.archive.messages),
    },
    replicas: { ...sizes.replicas, messages: times(sizes.replicas.messages) },
    snapshot: times(sizes.snapshot),
    poison: times(sizes.poison),
    procedures: times(sizes.procedures),
    sessions: times(sizes.sessions),
    queues: times(sizes.queues),
    sessionUpdates: {
      together: times(sizes.sessionUpdates.together),
      singly: times(sizes.sessionUpdates.singly),
    },
    replay: times(sizes.replay),
  };
}
