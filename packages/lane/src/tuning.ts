/*
 * Every tuning number of the lane, with its unit, its reason, and the benchmark (`pnpm bench <scenario>`) or the test
 * that justifies it. Numbers that users set are in `defaults`; none of the others is an option.
 */

/** What a lane uses where its options say nothing; `docs/operate/settings.md` lists the variables that set them. */
export const defaults = {
  /** Messages of a read. Below 500 each message costs more; above it other lanes wait longer. Bench: drain, latency. */
  batchSize: 500,
  /** Batches merged at once; one more is read ahead. A third gains nothing that can be told from noise. Bench: drain. */
  concurrency: 2,
  /** Seconds of a lease: as long as a slow merge takes, and as short as a crash may delay messages. Test: chaos. */
  visibilityTimeoutS: 30,
  /** Failed attempts until a message is dead-lettered. Test: consumer/attempts. */
  maxAttempts: 5,
  /** Reads without a result until a message is dead-lettered; enough to isolate one in 500 by then. Test: poison-suspects. */
  maxDeliveries: 20,
  /** UTF-8 bytes of the longest message that is merged. Test: queue/huge-messages. */
  maxMessageBytes: 1024 * 1024,
} as const;

/** Bytes of the bodies of one batch in memory: enough for 500 messages of 8 kB. Bench: large (peak memory). */
export const maxBatchBytes = 4 * 1024 * 1024;

/** The size of reads, and where in the queue they begin. */
export const reading = {
  /** A mean of this many messages counts fully when the expected size of a message falls. Test: read-size. */
  fullWeightMessages: 4,
  /** Consecutive reads that begin behind the last one; then one begins at the start, where released messages are. Bench: backlog, snapshot. */
  readsAhead: 16,
  /** Consecutive reads that others were ahead of, until the queue counts as shared: ids have gaps anyway. Bench: replicas. */
  sharedAfterGaps: 3,
} as const;

/** How many replicas read one queue at the same time. */
export const slots = {
  /** Reads of one queue at a time, over all replicas: a third one steps over the rows of the others. Bench: replicas. */
  maxReaders: 2,
  /** A replica is not needed where others claimed this many messages … Bench: replicas. */
  othersClaimed: 250,
  /** … within this many ms. Bench: replicas. */
  othersClaimedWithinMs: 250,
  /** Ms since its last claim for which a replica is needed in any case: who reads continues reading. Bench: replicas. */
  activeMs: 1_000,
  /** Ms until a refused read is tried again; doubles each time, half of it random so that replicas do not retry in step. Bench: replicas. */
  firstWaitMs: 5,
  /** The longest of these waits in ms. A refused read costs the source as much as a small read. Bench: replicas. */
  lastWaitMs: { "no-slot": 320, "not-needed": 1_000 },
  /** Ms of refusals, on average, after which a lane reads without a slot: a reader that hangs must not stop all others. Test: queue/reads. */
  readAnywayAfterMs: { "no-slot": 2_000, "not-needed": 60_000 },
  /** Ms for which slots are ignored after their holders were found to be no readers. Test: reader-slots. */
  ignoreSlotsMs: 60_000,
} as const;

/** When a lane reads again after a read that found nothing. Bench of all: latency, idle. */
export const polling = {
  /** Ms between reads while messages keep coming. */
  hotMs: 8,
  /** Ms after the last message for which that lasts. */
  hotForMs: 1_000,
  /** Each further wait is longer by this factor. */
  factor: 1.6,
  /** The longest of these waits in ms before the lane sleeps. */
  beforeSleepMs: 100,
  /** The longest wait in ms where nothing wakes the lane, or where another transaction has locked the visible messages. */
  longestMs: 2_000,
  /** Ms until a sleeping lane asks the source watch again, only in case that a wake-up was lost. Test: lane-asleep. */
  longestSleepMs: 60_000,
} as const;

/** The one connection that watches the quiet queues of a source. */
export const watching = {
  /** Ms between probes where notifications tell of messages: in case one is lost. It also tests the connection. Bench: idle. */
  notifiedMs: 10_000,
  /** Ms between probes where nothing tells of messages. Bench: idle. */
  unnotifiedMs: 2_000,
  /** Ms between probes while a sender that did not notify may still commit; also the pause after a failed probe. Test: lane/idle-watch. */
  sendersBusyMs: 500,
  /** Notifications that wake a lane at once, in a row. Test: lane/idle-watch, security/hostile-sources. */
  wakesInRow: 20,
  /** Wake-ups per second beyond that: who is woken reads all there is. Test: security/hostile-sources. */
  wakesPerSecond: 10,
  /** Ms until a lost connection is made again; doubles each time. Test: lane/idle-watch. */
  reconnectFirstMs: 100,
  /** The longest of these waits in ms. Test: chaos. */
  reconnectLastMs: 5_000,
  /** Ms that a connection must last so that the next wait is the first one again. Test: chaos. */
  steadyMs: 10_000,
  /** Notifications per second beyond which the connection is closed: any login of a source may notify. Bench: hostile. */
  floodPerSecond: 1_000,
  /** Ms without a connection after that. Bench: hostile. */
  floodPauseMs: 60_000,
  /** Ms that a statement of the watch may take. Bench: hostile. */
  answerMs: 5_000,
  /** Ms that the last statement of a connection may take, and the end of one that does not answer. Test: consumer/faults. */
  goodbyeMs: 500,
} as const;

/** Work on batches. */
export const working = {
  /** Checks that wait for something else, such as a thread, at the same time. Bench: sessions. */
  checksAtOnce: 16,
  /** Tries of a merge that the store rolled back because of other transactions (deadlock, serialization). Test: chaos. */
  conflictTries: 4,
  /** Ms of the longest wait before the second try, half of it on average; each further one is longer by as much. Test: chaos. */
  conflictWaitMs: 10,
  /** The part of a lease after which it is extended. Test: lease. */
  extendAfter: 1 / 2,
  /** The part of a lease after which an extension without an answer is asked for again. Test: lease. */
  retryExtensionAfter: 1 / 8,
  /** Ms that a stop may take beyond its grace period to release what is in flight. Test: consumer/faults. */
  releaseAtStopMs: 750,
  /** Ms until a lane that crashed continues; doubles with each crash. Test: lane/crashes. */
  restartFirstMs: 250,
  /** The longest of these waits in ms. Test: lane/crashes. */
  restartLastMs: 30_000,
  /** Ms without a crash after which the next wait is the first one again. Test: lane/crashes. */
  restartForgetMs: 60_000,
} as const;

/** Messages that are refused, fail, or end their process. */
export const isolating = {
  /** Messages of earlier batches that count for the rate of refusals, beside those of the present one. Bench: poison. */
  rateMemory: 300,
  /** Refusals expected in a group: below one, since a refused group costs its merge and a search. Bench: poison. */
  refusalsPerGroup: 0.35,
  /** Deliveries without a result that are usual: a replica was killed, or its lease ran out. Test: poison-suspects, chaos. */
  usualDeliveries: 2,
  /** Seconds, at most, until a message is tried again after its first failed attempt; doubles each time. Test: backoff. */
  firstRetryS: 1,
  /** The longest of these waits in seconds. Test: backoff. */
  lastRetryS: 300,
  /** A dead letter that the source refused is tried again as after this many attempts: within 64 s. Test: consumer/attempts. */
  refusedDeadLetterAttempts: 7,
} as const;

/** Breakers of databases and lanes. */
export const breaking = {
  /** Ms until work is tried again after a failure; doubles each time. Test: breaker, consumer/faults. */
  firstRetryMs: 100,
  /** The longest of these waits in ms: so long a recovery may go unnoticed. Test: breaker. */
  lastRetryMs: 2_000,
  /** The same for a fault whose every attempt costs this process a whole answer (`answer-too-large`). Bench: hostile. */
  lastCostlyRetryMs: 60_000,
  /** Ms without a failure after which the next one counts as the first. Test: breaker. */
  forgetMs: 30_000,
} as const;
