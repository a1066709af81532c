import { type KeyReport, readKeys, readReplicas } from "@centralcloud/inspect";
import { type Silence, shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import { Age, StatusBadge, Text } from "../../kit/figures.tsx";
import { PartialSources } from "../../kit/notices.tsx";
import { Table } from "../../kit/table.tsx";
import { several, text } from "../../routing/fields.ts";
import { hrefTo, optionsOf } from "../../routing/links.ts";
import { page } from "../../routing/route.ts";

interface KeysModel {
  readonly rows: readonly KeyReport[];
  /** Consumers at work; null where they can't be asked. */
  readonly consumers: number | null;
  readonly silent: readonly Silence[];
}

/** The public keys that each source seals sessions for, and which consumers can't open what is sealed for them. */
export const keys = page({
  path: "/keys",
  right: "look",
  section: "system",
  query: { source: several(text(300)) },
  title: () => "Session keys",
  async read({ query: { source }, databases }): Promise<KeysModel> {
    const { sourceUrls, centralUrl, asking } = databases;
    const known = await readReplicas(centralUrl, asking);
    const live =
      known.answers.length === 0
        ? null
        : known.answers.flat().filter(({ state }) => state === "live");
    const options = { ...asking, ...(source === undefined ? {} : { source }) };
    const asked = await readKeys(sourceUrls, options, live);
    const all = [known, asked];
    return {
      rows: asked.answers.flat(),
      consumers: live?.length ?? null,
      silent: all.flatMap(({ unreachable, failed }) => [...unreachable, ...failed]),
    };
  },
  page: (model) => <KeysPage {...model} />,
  command: ({ given }) => ["keys", "list", ...optionsOf(given, ["source"])],
});

function KeysPage({ rows, consumers, silent }: KeysModel): VNode {
  return (
    <>
      <PartialSources unreachable={silent} />
      <p>
        Sources seal each session for their active key, and consumers open it with the private part,
        which the console never has.
      </p>
      <Table
        caption="The keys that each source knows"
        rows={rows}
        keyOf={({ source, keyId }) => `${source} ${keyId}`}
        toneOf={({ active, lackedBy }) =>
          active && lackedBy !== null && lackedBy.length > 0 ? "bad" : undefined
        }
        empty={
          silent.length > 0 ? (
            <p>No source that answered knows a key.</p>
          ) : (
            <p>
              No source knows a key, so sessions are not sent. Make one with{" "}
              <code>centralcloud keys generate</code>, give it to every consumer, then{" "}
              <code>centralcloud keys add --activate</code>.
            </p>
          )
        }
        columns={[
          {
            head: "Key",
            cell: ({ keyId }) => (
              <code>
                <Text>{keyId}</Text>
              </code>
            ),
          },
          { head: "Source", cell: ({ source }) => <Text>{source}</Text> },
          { head: "State", cell: (row) => <State row={row} /> },
          { head: "Consumers", cell: (row) => <Holders row={row} consumers={consumers} /> },
          { head: "Algorithm", isMinor: true, cell: ({ algorithm }) => <Text>{algorithm}</Text> },
          {
            head: "Names its session",
            isMinor: true,
            cell: ({ binds }) => (binds ? "yes" : "no: older consumers may have to open it"),
          },
          { head: "Added", isNumber: true, cell: ({ createdAt }) => <Age at={createdAt} /> },
          {
            head: "Fingerprint",
            isMinor: true,
            cell: ({ fingerprint }) => <code>{fingerprint}</code>,
          },
        ]}
      />
    </>
  );
}

function State({ row: { active, retiredAt } }: { readonly row: KeyReport }): VNode {
  if (active) return <StatusBadge tone="good">active</StatusBadge>;
  if (retiredAt === null) return <StatusBadge tone="quiet">not active yet</StatusBadge>;
  return (
    <>
      <StatusBadge tone="quiet">retired</StatusBadge> <Age at={retiredAt} />
    </>
  );
}

function Holders({
  row: { lackedBy },
  consumers,
}: {
  readonly row: KeyReport;
  readonly consumers: number | null;
}): VNode {
  if (lackedBy === null || consumers === null) return <>not known</>;
  if (consumers === 0) return <StatusBadge tone="warning">no consumer is at work</StatusBadge>;
  if (lackedBy.length === 0) {
    return (
      <StatusBadge tone="good">
        {consumers === 1 ? "the consumer holds it" : `all ${consumers} hold it`}
      </StatusBadge>
    );
  }
  return (
    <>
      <StatusBadge tone="bad">
        {lackedBy.length} of {consumers} lack it
      </StatusBadge>
      {": "}
      {lackedBy.slice(0, 10).map(({ id, host }, index) => (
        <span key={id}>
          {index > 0 ? ", " : ""}
          <a href={hrefTo("/consumers/{id}", { id })}>
            <Text>{shorten(host, 40)}</Text>
          </a>
        </span>
      ))}
    </>
  );
}
