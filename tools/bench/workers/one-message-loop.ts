import { Pgmq } from "pgmq-js";
import { queue } from "../backlog.ts";
import { centralPool, merge, readJob, report } from "./job.ts";

const job = readJob();
const { hostname, port, username, password, pathname } = new URL(job.sourceUrl);
const pgmq = await Pgmq.new(
  {
    host: hostname,
    port: Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
    ssl: false,
  },
  { skipExtensionCreation: true },
);
const central = centralPool(job, 1);

const startedAt = performance.now();
let merged = 0;
for (;;) {
  const message = await pgmq.msg.read<object>(queue, 30);
  if (message === undefined || message === null) break;
  const { msgId, enqueuedAt } = message;
  merged += await merge(central, {
    sourceId: job.sourceId,
    queue,
    messages: [
      {
        msgId: String(msgId),
        enqueuedAt: new Date(enqueuedAt).toISOString(),
        document: JSON.stringify(message.message),
      },
    ],
  });
  await pgmq.msg.archive(queue, msgId);
}
report(merged, startedAt);
await pgmq.close();
await central.end();
