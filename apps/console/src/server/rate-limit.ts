/** So many at once, and after that so many a minute; for each key by itself. */
export interface RateLimit {
  /** Whether one more is allowed now; counts it. */
  admits(key: string): boolean;
}

/** Keys that are kept at most: the one that asked longest ago is forgotten first. */
const mostKeys = 10_000;

/** @param now milliseconds of a monotonic clock. */
export function createRateLimit(
  { atOnce, aMinute }: { readonly atOnce: number; readonly aMinute: number },
  now: () => number = () => performance.now(),
): RateLimit {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return {
    admits(key) {
      const at = now();
      const before = buckets.get(key) ?? { tokens: atOnce, at };
      const tokens = Math.min(atOnce, before.tokens + ((at - before.at) / 60_000) * aMinute);
      const isAdmitted = tokens >= 1;
      buckets.delete(key);
      buckets.set(key, { tokens: isAdmitted ? tokens - 1 : tokens, at });
      const [oldest] = buckets.keys();
      if (buckets.size > mostKeys && oldest !== undefined) buckets.delete(oldest);
      return isAdmitted;
    },
  };
}
