import type { DeliveryFailure } from "@centralcloud/central";
import {
  contractFor,
  isQueueName,
  maskErrorText,
  maskJson,
  type QueueName,
} from "@centralcloud/contracts";
import {
  type PeekedMessage,
  peekQueue,
  type QueueRate,
  readDeliveryFailures,
  readQueueRates,
} from "@centralcloud/inspect";
import { type Silence, shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import { Age, Bytes, Count, Duration, Stat, Stats, Text, Time } from "../../kit/figures.tsx";
import { PartialSources } from "../../kit/notices.tsx";
import { Table } from "../../kit/table.tsx";
import { hrefTo } from "../../routing/links.ts";
import { NotFoundError, page } from "../../routing/route.ts";
import { type QueueRow, readQueuesNow } from "./queues.tsx";

interface QueueModel {
  readonly queue: QueueName;
  readonly source: string;
  readonly now: QueueRow | undefined;
  readonly rates: readonly QueueRate[];
  /** The oldest that wait, with their contents masked. */
  readonly oldest: readonly PeekedMessage[];
  readonly failures: readonly DeliveryFailure[];
  readonly silent: readonly Silence[];
}

/** Messages and failures that are shown. */
const shownRows = 10;

const ratesForS = 6 * 3_600;
const ratesEveryS = 900;

/** One queue of one source: what waits, what was delivered, what failed and is not decided yet. */
export const queue = page({
  path: "/queues/{queue}/{source}",
  right: "look",
  section: "queues",
  isLive: true,
  query: {},
  title: ({ queue: name, source }: QueueModel) => `${name} of ${source}`,
  async read({ params, databases, snapshots }): Promise<QueueModel> {
    const { queue: name = "", source = "" } = params;
    if (!isQueueName(name)) throw new NotFoundError(`There is no queue ${name}.`);
    const { sourceUrls, centralUrl, asking } = databases;
    const ofSource = { ...asking, source: [source] };
    const [looked, rates, peeked, failed] = await Promise.all([
      readQueuesNow(snapshots),
      readQueueRates(sourceUrls, ofSource, {
        queues: [name],
        forS: ratesForS,
        everyS: ratesEveryS,
      }),
      peekQueue(sourceUrls, ofSource, { queue: name, limit: shownRows, bodyBytes: 2_048 }),
      readDeliveryFailures(centralUrl, asking, { source, queue: name, limit: shownRows }),
    ]);
    const silent = [rates, failed].flatMap(({ unreachable, failed: refused }) => [
      ...unreachable,
      ...refused,
    ]);
    return {
      queue: name,
      source,
      now: looked.rows.find((row) => row.queue === name && row.source === source),
      rates: rates.answers.flat(),
      oldest: peeked.answers.flat().map(masked),
      failures: failed.answers.flat().map((row) => ({ ...row, error: maskErrorText(row.error) })),
      silent,
    };
  },
  page: (model) => <QueuePage {...model} />,
  asOf: ({ now }) => now?.at,
  command: ({ params: { queue: name = "", source = "" } }) => [
    "queues",
    "rates",
    "--queue",
    name,
    ...(source.startsWith("-") ? [`--source=${source}`] : ["--source", source]),
    "--for",
    "6h",
    "--every",
    "15m",
  ],
});

function masked(message: PeekedMessage): PeekedMessage {
  const { body, queue: name } = message;
  return { ...message, body: body === null ? null : maskJson(body, contractFor(name).shown) };
}

function QueuePage(model: QueueModel): VNode {
  const { queue: name, source, now, rates, oldest, failures, silent } = model;
  const merged = rates.reduce((sum, rate) => sum + rate.merged, 0);
  return (
    <div id="queue" data-region>
      <PartialSources unreachable={silent} />
      <Stats>
        <Stat label="Waiting">
          <Count value={now?.available ?? null} />
        </Stat>
        <Stat label="In flight">
          <Count value={now?.inFlight ?? null} />
        </Stat>
        <Stat label="Oldest waits for">
          <Duration seconds={now?.oldestAgeSeconds ?? null} />
        </Stat>
        <Stat
          label="Dead letters"
          tone={(now?.deadLetters ?? 0) > 0 ? "bad" : "quiet"}
          href={hrefTo("/dead-letters", {}, { queue: name, source })}
        >
          <Count value={now?.deadLetters ?? null} />
        </Stat>
        <Stat label="Merged in 6 h">
          <Count value={merged} />
        </Stat>
      </Stats>
      <h2>Delivered</h2>
      <Table
        caption="Messages that were delivered in each quarter of an hour of the last six hours"
        rows={rates.toReversed()}
        keyOf={({ at }) => at}
        empty={<p>Nothing was delivered in the last six hours, and nothing was dead-lettered.</p>}
        columns={[
          { head: "From", cell: ({ at }) => <Time at={at} /> },
          { head: "Merged", isNumber: true, cell: (rate) => <Count value={rate.merged} /> },
          {
            head: "Median wait",
            isNumber: true,
            cell: (rate) => <Duration seconds={rate.latencyP50} />,
          },
          {
            head: "95 % within",
            isNumber: true,
            cell: (rate) => <Duration seconds={rate.latencyP95} />,
          },
          {
            head: "Dead-lettered",
            isNumber: true,
            cell: (rate) => <Count value={rate.deadLettered} />,
          },
        ]}
      />
      <h2>The oldest that wait</h2>
      <Table
        caption="The oldest messages that wait, with their contents masked"
        rows={oldest}
        keyOf={({ msgId }) => msgId}
        empty={<p>Nothing waits: the consumers have read all there is.</p>}
        columns={[
          { head: "Message", isNumber: true, cell: ({ msgId }) => msgId },
          { head: "Queued", isNumber: true, cell: ({ enqueuedAt }) => <Age at={enqueuedAt} /> },
          { head: "Readable", isNumber: true, cell: ({ visibleAt }) => <Age at={visibleAt} /> },
          { head: "Reads", isNumber: true, cell: ({ readCount }) => <Count value={readCount} /> },
          { head: "Size", isNumber: true, cell: ({ bytes }) => <Bytes value={bytes} /> },
          {
            head: "Message, masked",
            isMinor: true,
            cell: ({ body, session }) => <code>{shorten(body ?? session ?? "", 120)}</code>,
          },
        ]}
      />
      <h2>Failed and tried again</h2>
      <Table
        caption="Attempts that failed, of messages that are neither merged nor dead-lettered yet"
        rows={failures}
        keyOf={({ id }) => id}
        empty={<p>No message of this queue has failed that is not decided yet.</p>}
        columns={[
          { head: "Message", isNumber: true, cell: ({ msgId }) => msgId },
          { head: "Attempt", isNumber: true, cell: ({ attempt }) => <Count value={attempt} /> },
          { head: "Failed", isNumber: true, cell: ({ failedAt }) => <Age at={failedAt} /> },
          { head: "Code", cell: ({ code }) => <Text>{shorten(code, 40)}</Text> },
          { head: "Error, masked", cell: ({ error }) => <Text>{shorten(error, 160)}</Text> },
        ]}
      />
    </div>
  );
}
