/** Of histograms, in seconds. A statement takes milliseconds; a lease, half a minute. */
export const durationBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/** Messages wait for milliseconds while all is well, and for hours after an outage. */
export const latencyBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1_800, 3_600, 14_400, 86_400,
];

/** Messages of a batch, up to the largest batch size. */
export const batchSizeBuckets = [1, 5, 10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];
