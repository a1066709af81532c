import { type ActionState, type ActionSummary, actionStates } from "@centralcloud/central";
import { readActions } from "@centralcloud/inspect";
import type { Silence } from "@centralcloud/service";
import type { VNode } from "preact";
import { z } from "zod";
import { FilterForm, SelectField } from "../../kit/form.tsx";
import { PartialSources } from "../../kit/notices.tsx";
import { useRight } from "../../kit/page-info.ts";
import { Pagination } from "../../kit/table.tsx";
import { id, maybe, several, wholeOr } from "../../routing/fields.ts";
import { hrefTo, optionsOf } from "../../routing/links.ts";
import { page } from "../../routing/route.ts";
import { ActionTable, maskAction } from "./table.tsx";

interface ActionsModel {
  /** Masked where they are others'. */
  readonly rows: readonly ActionSummary[];
  /** Those that are not at their end, on the first page. */
  readonly open: readonly ActionSummary[];
  readonly next: string | undefined;
  readonly states: readonly ActionState[] | undefined;
  readonly isFirst: boolean;
  readonly limit: number;
  readonly silent: readonly Silence[];
}

const state = z
  .string()
  .refine((name) => actionStates.some((known) => known === name), {
    error: `must be one of ${actionStates.join(", ")}`,
  })
  .transform((name) => name as ActionState);

const openStates: readonly ActionState[] = ["planned", "running", "paused"];

/** What operators do and have done: who, why, how far it is. */
export const actions = page({
  path: "/actions",
  right: "look",
  section: "actions",
  isLive: true,
  query: { state: several(state), before: maybe(id), limit: wholeOr(1, 200, 50) },
  title: () => "Actions",
  async read({ query, viewer, databases }): Promise<ActionsModel> {
    const { state: states, before, limit } = query;
    const { centralUrl, asking } = databases;
    const isFirst = before === undefined;
    const [listed, open] = await Promise.all([
      readActions(centralUrl, asking, {
        limit: limit + 1,
        ...(states === undefined ? {} : { states }),
        ...(before === undefined ? {} : { before }),
      }),
      isFirst && states === undefined
        ? readActions(centralUrl, asking, { states: openStates, limit: 20 })
        : undefined,
    ]);
    const found = listed.answers.flat();
    const rows = found.slice(0, limit);
    return {
      rows: rows.map((one) => maskAction(one, viewer)),
      open: (open?.answers.flat() ?? []).map((one) => maskAction(one, viewer)),
      next: found.length > limit ? rows.at(-1)?.id : undefined,
      states,
      isFirst,
      limit,
      silent: [...listed.unreachable, ...listed.failed],
    };
  },
  page: (model) => <ActionsPage {...model} />,
  command: ({ given }) => ["actions", "list", ...optionsOf(given, ["state", "before", "limit"])],
});

function ActionsPage({ rows, open, next, states, isFirst, limit, silent }: ActionsModel): VNode {
  const query = { state: states, ...(limit === 50 ? {} : { limit }) };
  const mayAudit = useRight("audit");
  return (
    <>
      <FilterForm action="/actions">
        <SelectField
          name="state"
          label="State"
          value={states?.[0]}
          anyLabel="every state"
          choices={actionStates.map((name) => ({ value: name, label: name }))}
        />
      </FilterForm>
      {!mayAudit && (
        <p class="quiet">
          Who did what, and why, is shown of your own actions: that of others takes the right to
          audit.
        </p>
      )}
      <div id="actions" data-region>
        <PartialSources unreachable={silent} />
        {open.length > 0 && (
          <>
            <h2>Not at their end</h2>
            <ActionTable
              actions={open}
              caption="Actions that run, are paused, or have yet to begin"
              empty={<p>None.</p>}
            />
            <h2>All</h2>
          </>
        )}
        <ActionTable
          actions={rows}
          empty={
            states === undefined ? (
              <p>
                Nobody has done anything yet. Replays, discards, and whoever looks at contents are
                put on record here.
              </p>
            ) : (
              <p>No action is in this state.</p>
            )
          }
        />
      </div>
      <Pagination
        first={isFirst ? undefined : hrefTo("/actions", {}, query)}
        next={next === undefined ? undefined : hrefTo("/actions", {}, { ...query, before: next })}
      />
    </>
  );
}
