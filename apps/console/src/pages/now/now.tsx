import type { VNode } from "preact";
import { PartialSources } from "../../kit/notices.tsx";
import { page } from "../../routing/route.ts";
import { type QueuesNow, QueueTable, readQueuesNow } from "../queues/queues.tsx";

/** The first screen. */
export const now = page({
  path: "/",
  right: "look",
  section: "now",
  isLive: true,
  query: {},
  title: () => "Now",
  read: ({ snapshots }): Promise<QueuesNow> => readQueuesNow(snapshots),
  page: (model) => <NowPage {...model} />,
  asOf: ({ asOf }) => asOf,
  command: () => ["queues"],
});

function NowPage({ rows, silent }: QueuesNow): VNode {
  return (
    <div id="now" data-region>
      <PartialSources unreachable={silent} />
      <QueueTable rows={rows} />
    </div>
  );
}
