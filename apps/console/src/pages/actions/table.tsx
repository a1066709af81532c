import type { ActionState, ActionSummary } from "@centralcloud/central";
import { shorten } from "@centralcloud/service";
import type { ComponentChildren, VNode } from "preact";
import type { Viewer } from "../../auth/rights.ts";
import { Age, Count, StatusBadge, Text, type Tone } from "../../kit/figures.tsx";
import { Table } from "../../kit/table.tsx";
import { hrefTo } from "../../routing/links.ts";

/** What whoever may not see what others did sees of them: what happens, and not who does it to what, nor why. */
export function maskAction<Action extends ActionSummary>(action: Action, viewer: Viewer): Action {
  if (viewer.rights.has("audit") || action.actor === viewer.name) return action;
  return {
    ...action,
    ...{ actor: "somebody else", login: null, osUser: null, reason: "(not shown)", selection: {} },
    ...{ runner: action.runner === null ? null : "a process", error: null },
    ...("events" in action ? { events: [] } : {}),
  };
}

const tones: Readonly<Record<ActionState, Tone>> = {
  planned: "info",
  running: "info",
  paused: "warning",
  cancelled: "quiet",
  done: "good",
  failed: "bad",
};

/** The state of an action; one that is to run, and that nobody works on, says so. */
export function StateBadge({ state, runner }: Pick<ActionSummary, "state" | "runner">): VNode {
  if (state === "running" && runner === null) {
    return <StatusBadge tone="warning">running, without a process</StatusBadge>;
  }
  return <StatusBadge tone={tones[state]}>{state}</StatusBadge>;
}

export function actionHref(id: string): string {
  return hrefTo("/actions/{id}", { id });
}

/** Actions, one a row; what the viewer may not see has to be masked before. */
export function ActionTable({
  actions,
  empty,
  caption = "Actions of operators, newest first",
}: {
  readonly actions: readonly ActionSummary[];
  readonly empty: ComponentChildren;
  readonly caption?: string;
}): VNode {
  return (
    <Table
      caption={caption}
      rows={actions}
      keyOf={({ id }) => id}
      empty={empty}
      toneOf={({ state }) => (state === "failed" ? "bad" : undefined)}
      columns={[
        {
          head: "Action",
          cell: ({ id, kind }) => (
            <a href={actionHref(id)}>
              {id} {kind}
            </a>
          ),
        },
        { head: "State", cell: (action) => <StateBadge {...action} /> },
        {
          head: "Moved",
          isNumber: true,
          cell: ({ moved, expected }) => (
            <>
              <Count value={moved} />
              {expected === null ? (
                ""
              ) : (
                <>
                  {" "}
                  of <Count value={expected} />
                </>
              )}
            </>
          ),
        },
        { head: "Began", isNumber: true, cell: ({ startedAt }) => <Age at={startedAt} /> },
        { head: "Who", cell: ({ actor }) => <Text>{shorten(actor, 60)}</Text> },
        { head: "Why", cell: ({ reason }) => <Text>{shorten(reason, 100)}</Text> },
      ]}
    />
  );
}
