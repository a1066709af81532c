/** How often it is looked at, in milliseconds. */
const everyMs = 20;

/** Watches what this process has in memory. @returns how to end it: that gives how far it rose above the beginning, in bytes. */
export function watchMemory(): { stop(): number } {
  const before = process.memoryUsage.rss();
  let peak = before;
  const look = () => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const timer = setInterval(look, everyMs);
  return {
    stop() {
      clearInterval(timer);
      look();
      return peak - before;
    },
  };
}
