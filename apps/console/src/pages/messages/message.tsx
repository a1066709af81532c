import { isQueueName } from "@centralcloud/contracts";
import { parseMessage, type Trace, type TraceQuestion } from "@centralcloud/trace";
import type { VNode } from "preact";
import { requestOf } from "../../acting/record.ts";
import { Text } from "../../kit/figures.tsx";
import { RevealForm, revealFields } from "../../kit/reveal.tsx";
import { Facts } from "../../kit/table.tsx";
import { hrefTo } from "../../routing/links.ts";
import { form, NotFoundError, type Params, page } from "../../routing/route.ts";
import { ofQueue, readTimeline } from "./read-timeline.ts";
import { Timeline } from "./timeline.tsx";

interface MessageModel {
  readonly source: string;
  readonly queue: string;
  readonly msgId: string;
  readonly found: Trace;
}

const path = "/messages/{source}/{queue}/{msgId}";

/** @throws {NotFoundError} where the address can name no message. */
function askedOf({ source = "", queue = "", msgId = "" }: Params) {
  if (!isQueueName(queue)) throw new NotFoundError(`There is no queue ${queue}.`);
  if (!/^\d{1,19}$/.test(msgId)) {
    throw new NotFoundError(`${msgId} is no id of a message, which is a whole number.`);
  }
  const question: TraceQuestion = {
    subject: parseMessage(msgId),
    window: { from: null, to: null },
  };
  return { source, queue, msgId, question };
}

/** One message from when it was sent to what became of it. */
export const message = page({
  path,
  right: "look",
  section: "knowledge",
  query: {},
  title: ({ queue, msgId }: MessageModel) => `Message ${msgId} of ${queue}`,
  async read({ params, viewer, databases }): Promise<MessageModel> {
    const { source, queue, msgId, question } = askedOf(params);
    const found = await readTimeline(databases, { viewer, question, sources: [source] });
    const own = ofQueue(found, queue);
    const isComplete = found.unreachable.length + found.failed.length === 0;
    if (own.events.length === 0 && isComplete && own.unknown.length === 0) {
      throw new NotFoundError(
        `Nothing is known of message ${msgId} of ${queue} at ${source}: it was never sent, or was forgotten long ago.`,
      );
    }
    return { source, queue, msgId, found: own };
  },
  page: (model) => <MessagePage {...model} />,
  command: ({ params: { source = "", msgId = "" } }) => [
    "trace",
    "--message",
    msgId,
    ...(source.startsWith("-") ? [`--source=${source}`] : ["--source", source]),
  ],
});

/** The same with contents, once. */
export const revealMessage = form({
  path: `${path}/reveal`,
  right: "reveal",
  section: "knowledge",
  query: {},
  form: revealFields,
  async act({ params, form: { reason }, viewer, key, operator, databases }) {
    const { source, queue, msgId, question } = askedOf(params);
    const found = await readTimeline(
      { ...operator, asking: databases.asking },
      { viewer, question, sources: [source], reveal: requestOf({ viewer, reason, key }) },
    );
    const model = { source, queue, msgId, found: ofQueue(found, queue) };
    const title = `Message ${msgId} of ${queue}`;
    return { status: 200, title, body: <MessagePage {...model} /> };
  },
});

function MessagePage({ source, queue, msgId, found }: MessageModel): VNode {
  const params = { source, queue, msgId };
  return (
    <>
      <Facts
        facts={[
          ["Source", <Text key="source">{source}</Text>],
          [
            "Queue",
            <a href={hrefTo("/queues/{queue}/{source}", params)} key="queue">
              {queue}
            </a>,
          ],
          ["Message", msgId],
        ]}
      />
      <Timeline found={found} empty={`Nothing is known of message ${msgId} any more.`} />
      {!found.revealed && (
        <RevealForm action={hrefTo(`${path}/reveal`, params)} what="the contents of this message" />
      )}
    </>
  );
}
