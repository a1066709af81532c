import type { ActionDetails, ActionEvent, ActionPart } from "@centralcloud/central";
import { shorten } from "@centralcloud/service";
import type { ComponentChildren, VNode } from "preact";
import { Age, Count, Text, Time } from "../../kit/figures.tsx";
import { Facts, Table } from "../../kit/table.tsx";

/** Who asked for an action, from where, and why. */
export function ActionFacts({ action: shown }: { readonly action: ActionDetails }): VNode {
  const { actor, login, osUser, channel, reason, startedAt, finishedAt, runner, rate } = shown;
  const from = [
    login === null ? undefined : `login ${login}`,
    osUser === null ? undefined : `user ${osUser}`,
    channel === null ? undefined : `from the ${channel}`,
  ].filter((word): word is string => word !== undefined);
  const facts: (readonly [string, ComponentChildren])[] = [
    ["Who", <Text key="who">{shorten([actor, ...from].join(", "), 300)}</Text>],
    ["Why", <Text key="why">{shorten(reason, 500)}</Text>],
    ["Began", <Time key="began" at={startedAt} />],
    ["Ended", <Time key="ended" at={finishedAt} />],
    ["Works on it", runner === null ? "nobody" : <Text key="runner">{shorten(runner, 200)}</Text>],
    ["Rate", rate === null ? "as fast as it goes" : `${rate} a second at most`],
    [
      "Chosen",
      <code key="chosen">
        <Text>{shorten(JSON.stringify(shown.selection), 2_000)}</Text>
      </code>,
    ],
  ];
  return <Facts facts={facts} />;
}

/** How far it is. */
export function PartTable({ parts }: { readonly parts: readonly ActionPart[] }): VNode {
  return (
    <Table
      caption="How far the action is, for each queue of each source"
      rows={parts}
      keyOf={({ sourceId, queue }) => `${sourceId} ${queue}`}
      empty={<p>It is for none.</p>}
      columns={[
        { head: "Source", cell: ({ sourceName }) => <Text>{shorten(sourceName, 60)}</Text> },
        { head: "Queue", cell: ({ queue }) => queue },
        { head: "Chosen", isNumber: true, cell: ({ expected }) => <Count value={expected} /> },
        { head: "Moved", isNumber: true, cell: ({ moved }) => <Count value={moved} /> },
        { head: "Merged", isNumber: true, cell: ({ merged }) => <Count value={merged} /> },
        {
          head: "Left",
          isNumber: true,
          cell: ({ remaining, expected, moved }) => (
            <Count value={remaining ?? Math.max(0, expected - moved)} />
          ),
        },
        {
          head: "Ended",
          isNumber: true,
          isMinor: true,
          cell: ({ endedAt }) => <Age at={endedAt} />,
        },
      ]}
    />
  );
}

/** Who had a hand in it. */
export function EventTable({ events }: { readonly events: readonly ActionEvent[] }): VNode {
  const rows = events.map((event, index) => ({ ...event, key: String(index) }));
  return (
    <Table
      caption="Who had a hand in it, oldest first"
      rows={rows}
      keyOf={({ key }) => key}
      empty={<p>Nothing is on record, or it is not yours to see.</p>}
      columns={[
        { head: "At", isNumber: true, cell: ({ at }) => <Time at={at} /> },
        { head: "What", cell: ({ event }) => <Text>{shorten(event, 60)}</Text> },
        { head: "Who", cell: ({ actor }) => <Text>{shorten(actor, 100)}</Text> },
        {
          head: "More",
          cell: ({ detail }) =>
            Object.keys(detail).length === 0 ? null : (
              <Text>{shorten(JSON.stringify(detail), 300)}</Text>
            ),
        },
      ]}
    />
  );
}
