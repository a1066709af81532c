import { type DeadLetterSummary, maskSummary } from "@centralcloud/dead-letters";
import { readDeadLetters } from "@centralcloud/inspect";
import { type Silence, shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import { Age, Count, Text } from "../../kit/figures.tsx";
import { FilterForm } from "../../kit/form.tsx";
import { PartialSources } from "../../kit/notices.tsx";
import { useRight } from "../../kit/page-info.ts";
import { type Column, Pagination, Table } from "../../kit/table.tsx";
import { maybe, text, wholeOr } from "../../routing/fields.ts";
import { hrefTo, optionsOf } from "../../routing/links.ts";
import { page } from "../../routing/route.ts";
import {
  askingOf,
  FilterFieldset,
  type FilterValues,
  filterFields,
  filterNames,
  filterOf,
  HiddenFields,
  queryOf,
  saysMore,
} from "./filter.tsx";

interface ListModel {
  readonly values: FilterValues;
  /** Masked. */
  readonly deadLetters: readonly DeadLetterSummary[];
  readonly next: string | null;
  readonly isFirst: boolean;
  readonly limit: number;
  readonly silent: readonly Silence[];
}

/** Dead letters, newest first, a page at a time. */
export const list = page({
  path: "/dead-letters",
  right: "look",
  section: "dead-letters",
  query: { ...filterFields, limit: wholeOr(1, 200, 50), after: maybe(text(1_000)) },
  title: () => "Dead letters",
  async read({ query, viewer, databases }): Promise<ListModel> {
    const { limit, after, ...values } = query;
    const filter = filterOf(values, viewer);
    const asked = await readDeadLetters(databases.sourceUrls, askingOf(values, databases), filter, {
      limit,
      ...(after === undefined ? {} : { after }),
    });
    const { deadLetters, next } = asked.answers[0] ?? { deadLetters: [], next: null };
    return {
      values,
      deadLetters: deadLetters.map(maskSummary),
      next,
      isFirst: after === undefined,
      limit,
      silent: [...asked.unreachable, ...asked.failed],
    };
  },
  page: (model) => <ListPage {...model} />,
  command: ({ given }) => ["dlq", "list", ...optionsOf(given, [...filterNames, "limit", "after"])],
});

/** Where one dead letter is shown. */
export function deadLetterHref(
  { source, queue, id }: Pick<DeadLetterSummary, "source" | "queue" | "id">,
  below = "",
): string {
  return hrefTo(`/dead-letters/{source}/{queue}/{id}${below}`, { source, queue, id });
}

/** Columns of every list of dead letters. */
export const deadLetterColumns: readonly Column<DeadLetterSummary>[] = [
  {
    head: "Dead letter",
    isNumber: true,
    cell: (deadLetter) => <a href={deadLetterHref(deadLetter)}>{deadLetter.id}</a>,
  },
  { head: "Since", isNumber: true, cell: ({ at }) => <Age at={at} /> },
  { head: "Source", cell: ({ source }) => <Text>{shorten(source, 40)}</Text> },
  { head: "Queue", cell: ({ queue }) => queue },
  { head: "Reason", cell: ({ reason, code }) => <Text>{wordsOf(reason, code)}</Text> },
  { head: "Error, masked", cell: ({ error }) => <Text>{shorten(error ?? "", 120)}</Text> },
  {
    head: "Attempts",
    isNumber: true,
    isMinor: true,
    cell: ({ attemptCount }) => <Count value={attemptCount} />,
  },
  {
    head: "Replays",
    isNumber: true,
    isMinor: true,
    cell: ({ replayCount }) => <Count value={replayCount} />,
  },
];

/** `invalid · out_of_range`. */
export function wordsOf(reason: string | null, code: string | null): string {
  const words = [reason, code].filter((word): word is string => word !== null);
  return words.length === 0 ? "none given" : words.map((word) => shorten(word, 40)).join(" · ");
}

function ListPage({ values, deadLetters, next, isFirst, limit, silent }: ListModel): VNode {
  const query = queryOf(values);
  const page = { ...query, ...(limit === 50 ? {} : { limit }) };
  const mayReveal = useRight("reveal");
  const chosen: Column<DeadLetterSummary> = {
    head: "Choose",
    cell: ({ id, source }) => (
      <input
        type="checkbox"
        name="id"
        value={id}
        aria-label={`choose dead letter ${id} of ${source}`}
      />
    ),
  };
  return (
    <>
      <PartialSources unreachable={silent} />
      <FilterForm action="/dead-letters">
        <FilterFieldset values={values} />
      </FilterForm>
      {deadLetters.length > 0 && (
        <div class="actions">
          <a class="button primary" href={newActionHref("replay", values)}>
            Replay all of these…
          </a>
          <a class="button" href={newActionHref("discard", values)}>
            Discard all of these…
          </a>
          {mayReveal && (
            <a class="button" href={newActionHref("export", values)}>
              Export all of these…
            </a>
          )}
          <a href={hrefTo("/dead-letters/groups", {}, query)}>Show them by cause</a>
        </div>
      )}
      <form method="get" action="/actions/new">
        <HiddenFields query={{ queue: values.queue, source: values.source, chosen: true }} />
        <Table
          caption="Dead letters, newest first, with their contents masked"
          rows={deadLetters}
          keyOf={({ sourceId, queue, id }) => `${sourceId} ${queue} ${id}`}
          columns={[...deadLetterColumns, chosen]}
          empty={<NothingFound isFiltered={saysMore(values)} isFirst={isFirst} />}
        />
        {deadLetters.length > 0 && (
          <div class="actions">
            <span>Those chosen on this page:</span>
            <button class="plain" name="do" value="replay" type="submit">
              Replay them…
            </button>
            <button class="plain" name="do" value="discard" type="submit">
              Discard them…
            </button>
          </div>
        )}
      </form>
      <Pagination
        first={isFirst ? undefined : hrefTo("/dead-letters", {}, page)}
        next={next === null ? undefined : hrefTo("/dead-letters", {}, { ...page, after: next })}
      />
    </>
  );
}

/** Where the preview is of what may be done to the dead letters of a filter. */
export function newActionHref(
  verb: "replay" | "discard" | "restore" | "export",
  values: FilterValues,
): string {
  const narrows = saysMore(values) || values.queue !== undefined || values.source !== undefined;
  const all = narrows ? {} : { all: true as const };
  return hrefTo("/actions/new", {}, { do: verb, ...queryOf(values), ...all });
}

function NothingFound({
  isFiltered,
  isFirst,
}: {
  readonly isFiltered: boolean;
  readonly isFirst: boolean;
}) {
  if (!isFirst) return <p>There are no more.</p>;
  if (isFiltered) {
    return (
      <p>
        No dead letter meets all of these conditions. <a href="/dead-letters">Show all</a>
      </p>
    );
  }
  return (
    <p>
      No message was dead-lettered, or each was replayed or discarded: nothing waits for you here.
    </p>
  );
}
