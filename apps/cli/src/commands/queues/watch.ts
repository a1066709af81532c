import { queueNames } from "@centralcloud/contracts";
import { type QueueReport, reportQueues } from "@centralcloud/inspect";
import { cutAllConnections } from "@centralcloud/postgres";
import { QueueClient } from "@centralcloud/queue";
import { pause } from "@centralcloud/service";
import { formatTable, type MeaningOf } from "../../format-table.ts";
import { clearScreen, print, redraw } from "../../output.ts";
import { interruptible } from "../../progress.ts";
import { withMissing, withSilent } from "../../show-answers.ts";
import { askSources, type OpenSource, type SourceOptions } from "../../sources.ts";

/** An age that no consumer at work lets come about, in seconds. */
const oldS = 300;

/** What a cell of a queue means, for its colour. */
export const meaningOf: MeaningOf = (name, value) => {
  if (name === "deadLetters" && Number(value) > 0) return "bad";
  if (name === "oldestAgeSeconds" && Number(value) > oldS) return "warning";
  return undefined;
};

/** A queue at a moment, for rates. */
interface Seen extends QueueReport {
  /** Messages that were ever put into it. */
  readonly inserted: number;
  /** Milliseconds of this process's clock. */
  readonly at: number;
}

interface WatchedQueue extends QueueReport {
  /** A second, since the look before; null at the first. */
  readonly arrivedPerSecond: number | null;
  readonly leftPerSecond: number | null;
}

/** Shows the queues until Ctrl-C, or until whoever reads the output has had enough: neither is an error. */
export async function watchQueues(
  urls: readonly string[],
  options: SourceOptions,
  { everyS, json }: { readonly everyS: number; readonly json: boolean },
): Promise<void> {
  const watch = async (interrupt: AbortSignal) => {
    const stopping = new AbortController();
    const stop = () => {
      stopping.abort();
      // A source that is slow to answer is not waited for any more.
      cutAllConnections();
    };
    interrupt.addEventListener("abort", stop);
    process.stdout.on("error", stop);
    try {
      if (!json) clearScreen();
      let before: ReadonlyMap<string, Seen> = new Map();
      while (!stopping.signal.aborted) {
        const startedAt = performance.now();
        const asked = await askSources(urls, options, seeSource);
        if (stopping.signal.aborted) break;
        const seen = asked.answers.flat();
        const rows = seen.map((one) => withRates(one, before.get(keyOf(one))));
        before = new Map([...before, ...seen.map((one) => [keyOf(one), one] as const)]);
        if (json) print(withMissing(asked, "queues", JSON.stringify(rows)));
        else redraw(describe(withSilent(asked, formatTable(rows.map(shorten), { meaningOf }))));
        await pause(startedAt + everyS * 1_000 - performance.now(), stopping.signal);
      }
    } finally {
      process.stdout.off("error", stop);
    }
  };
  await interruptible(watch, { quiet: true });
}

async function seeSource(source: OpenSource): Promise<readonly Seen[]> {
  const at = performance.now();
  const [reports, inserted] = [
    await reportQueues(source),
    await new QueueClient(source.pool).insertedOf(queueNames),
  ];
  return reports.map((report, index) => ({ ...report, inserted: inserted[index] ?? 0, at }));
}

const keyOf = ({ source, queue }: Seen) => `${source}/${queue}`;

function withRates({ inserted, at, ...report }: Seen, before: Seen | undefined): WatchedQueue {
  if (before === undefined) return { ...report, arrivedPerSecond: null, leftPerSecond: null };
  const seconds = (at - before.at) / 1_000;
  // A queue that was made anew counts from the beginning again.
  const arrived = Math.max(0, inserted - before.inserted);
  const left = Math.max(0, arrived - (report.total - before.total));
  const rate = (count: number) => Math.round((10 * count) / seconds) / 10;
  return { ...report, arrivedPerSecond: rate(arrived), leftPerSecond: rate(left) };
}

/** Short names of the rates: they are looked at, not read by programs. */
function shorten({ arrivedPerSecond, leftPerSecond, ...report }: WatchedQueue) {
  return { ...report, "arrived/s": arrivedPerSecond, "left/s": leftPerSecond };
}

function describe(table: string | undefined): string {
  const time = new Date().toISOString().slice(11, 19);
  return `${time} UTC, Ctrl-C ends it\n\n${table ?? "no source could be read"}`;
}
