const firstS = 1;
const lastS = 300;

/**
 * Seconds until a failed message is tried again: exponential with full jitter, so that messages which
 * failed together do not come back together. At most 1 s after the first attempt, then twice as much
 * each time, up to five minutes. (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.)
 *
 * @param attempts failed so far, from 1.
 */
export function backoffSeconds(attempts: number): number {
  return Math.min(lastS, firstS * 2 ** Math.min(attempts - 1, 30)) * Math.random();
}
