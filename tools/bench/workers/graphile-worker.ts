import { Logger, run } from "graphile-worker";
import {
  centralPool,
  mergeNumbered,
  type NumberedMessage,
  readJob,
  report,
  setting,
} from "./job.ts";

const job = readJob();
const concurrentJobs = setting(job, "concurrentJobs");
const central = centralPool(job, setting(job, "mergesAtOnce"));
let merged = 0;
let finish: () => void = () => {};
const finished = new Promise<void>((resolve) => {
  finish = resolve;
});

const startedAt = performance.now();
const runner = await run({
  preset: {
    worker: {
      connectionString: job.sourceUrl,
      concurrentJobs,
      maxPoolSize: concurrentJobs + 1,
      localQueue: { size: setting(job, "localQueueSize") },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
    },
  },
  logger: new Logger(() => () => {}),
  noHandleSignals: true,
  parsedCronItems: [],
  taskList: {
    async merge(payload) {
      const messages = Array.isArray(payload) ? payload : [payload];
      const count = await mergeNumbered(central, job, messages as NumberedMessage[]);
      merged += count;
      if (merged >= job.messages) finish();
    },
  },
});
await finished;
// Waits for the jobs' completion to be written.
await runner.stop();
report(merged, startedAt);
await central.end();
