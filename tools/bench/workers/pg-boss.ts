import { PgBoss } from "pg-boss";
import { queue } from "../backlog.ts";
import {
  centralPool,
  mergeNumbered,
  type NumberedMessage,
  readJob,
  report,
  setting,
} from "./job.ts";

const job = readJob();
const concurrency = setting(job, "concurrency");
const batchSize = setting(job, "batchSize");
const central = centralPool(job, concurrency);
// What keeps books in the background is left out: it would only take from what is measured.
const boss = new PgBoss({
  connectionString: job.sourceUrl,
  max: concurrency,
  supervise: false,
  schedule: false,
  migrate: false,
});
boss.on("error", (error) => console.error(error));
await boss.start();

const startedAt = performance.now();
let merged = 0;
async function work(): Promise<void> {
  for (;;) {
    const jobs = await boss.fetch<NumberedMessage>(queue, { batchSize });
    if (jobs.length === 0) return;
    const count = await mergeNumbered(
      central,
      job,
      jobs.map(({ data }) => data),
    );
    merged += count;
    await boss.complete(
      queue,
      jobs.map(({ id }) => id),
    );
  }
}
await Promise.all(Array.from({ length: concurrency }, work));
report(merged, startedAt);
await boss.stop({ graceful: false });
await central.end();
