import { routes } from "@centralcloud/consumer";
import { deadLetterQueueOf, PgmqClient, type QueueMetrics } from "@centralcloud/pgmq";
import { cutAllConnections } from "@centralcloud/postgres";
import { type Environment, pause } from "@centralcloud/service";
import { Command } from "commander";
import { formatTable, type MeaningOf } from "../format-table.ts";
import { clearScreen, print, redraw } from "../output.ts";
import { interruptible } from "../progress.ts";
import { showRows, withMissing, withSilent } from "../show-answers.ts";
import {
  addSourceOptions,
  askSources,
  type OpenSource,
  readSourceUrls,
  type SourceOptions,
} from "../sources.ts";
import { duration } from "./options.ts";

interface QueueReport {
  readonly source: string;
  readonly queue: string;
  readonly total: number;
  readonly inFlight: number;
  readonly available: number;
  readonly oldestAgeSeconds: number | null;
  readonly deadLetters: number;
}

interface QueuesOptions extends SourceOptions {
  readonly json?: boolean;
  readonly watch?: number;
}

/** Seconds between two looks. */
const defaultWatchS = 2;

export function queuesCommand(environment: Environment): Command {
  return addSourceOptions(
    new Command("queues").description("what waits in each queue of each source"),
  )
    .option(
      "--watch [duration]",
      `shows it again and again, with rates, until Ctrl-C; default: every ${defaultWatchS} s`,
      duration,
    )
    .option("--json", "one JSON document on standard output; with --watch one a line")
    .action(async ({ json = false, watch, ...options }: QueuesOptions & { watch?: true }) => {
      const urls = readSourceUrls(environment);
      if (watch !== undefined) {
        const everyS = typeof watch === "number" ? watch : defaultWatchS;
        return await watchQueues(urls, options, { everyS, json });
      }
      const asked = await askSources(urls, options, reportSource);
      showRows(asked, { json, name: "queues", describe: (report) => report, meaningOf });
    });
}

/** An age that no consumer at work lets come about, in seconds. */
const oldS = 300;

const meaningOf: MeaningOf = (name, value) => {
  if (name === "deadLetters" && Number(value) > 0) return "bad";
  if (name === "oldestAgeSeconds" && Number(value) > oldS) return "warning";
  return undefined;
};

async function reportSource({ pool, name }: OpenSource): Promise<QueueReport[]> {
  const deadLetterQueues = routes.map(deadLetterQueueOf);
  const metrics = await new PgmqClient(pool).metricsOf([...routes, ...deadLetterQueues]);
  const deadLetters = metrics.slice(routes.length);
  return routes.map((queue, index) => {
    const { total, inFlight, available, oldestAgeSeconds } = metrics[index] as QueueMetrics;
    const counts = { total, inFlight, available, oldestAgeSeconds };
    return { source: name, queue, ...counts, deadLetters: deadLetters[index]?.total ?? 0 };
  });
}

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
async function watchQueues(
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
    await reportSource(source),
    await new PgmqClient(source.pool).insertedOf(routes),
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
  return `${time} UTC, Ctrl-C ends it\n\n${table ?? "every source refuses to be asked"}`;
}
