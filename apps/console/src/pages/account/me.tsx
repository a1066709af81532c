import type { VNode } from "preact";
import { type Right, rightMeanings, rights, type Viewer } from "../../auth/rights.ts";
import { StatusBadge } from "../../kit/figures.tsx";
import { Table } from "../../kit/table.tsx";
import { page } from "../../routing/route.ts";

/** Who somebody is here, and what he may do. */
export const me = page({
  path: "/me",
  right: "look",
  section: "none",
  query: {},
  title: () => "You",
  read: async ({ viewer }): Promise<Viewer> => viewer,
  page: (viewer) => <MePage {...viewer} />,
});

function MePage({ name, rights: held }: Viewer): VNode {
  return (
    <>
      <p>
        You are signed in as <strong>{name}</strong>. That name is put on record with what you do.
      </p>
      <Table
        caption="What you may do"
        rows={rights}
        keyOf={(right) => right}
        empty={<p>There are no rights.</p>}
        columns={[
          { head: "Right", cell: (right: Right) => right },
          {
            head: "You",
            cell: (right: Right) =>
              held.has(right) ? (
                <StatusBadge tone="good">have it</StatusBadge>
              ) : (
                <StatusBadge tone="quiet">have it not</StatusBadge>
              ),
          },
          { head: "It lets one", cell: (right: Right) => rightMeanings[right] },
        ]}
      />
      <p>Whoever runs the console grants rights: by groups, or in the file of tokens.</p>
      <form method="post" action="/logout">
        <button type="submit">Sign out</button>
      </form>
    </>
  );
}
