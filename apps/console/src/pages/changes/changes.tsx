import type { LogEntry, LogFilter } from "@centralcloud/cdc";
import { assertComplete, readChanges } from "@centralcloud/inspect";
import { type Silence, shorten } from "@centralcloud/service";
import { maskRow, momentAt } from "@centralcloud/trace";
import type { VNode } from "preact";
import { recorded } from "../../acting/record.ts";
import { StatusBadge, Text, Time } from "../../kit/figures.tsx";
import { FilterForm, TextField } from "../../kit/form.tsx";
import { Notice, PartialSources } from "../../kit/notices.tsx";
import { RevealForm, revealFields } from "../../kit/reveal.tsx";
import { Pagination, Table } from "../../kit/table.tsx";
import { maybe, several, text, timeBound, type ValuesOf, wholeOr } from "../../routing/fields.ts";
import { hrefTo, optionsOf, type Query } from "../../routing/links.ts";
import { form, page } from "../../routing/route.ts";

const query = {
  source: maybe(text(300)),
  table: several(text(200)),
  agent: maybe(text(600)),
  session: maybe(text(600)),
  from: maybe(timeBound),
  to: maybe(timeBound),
  limit: wholeOr(1, 200, 50),
  before: maybe(text(1_000)),
};

type Asked = ValuesOf<typeof query>;

interface ChangesModel {
  /** Newest first. */
  readonly entries: readonly LogEntry[];
  /** Where the next page begins; undefined on the last. */
  readonly next: string | undefined;
  /** What the page was asked for, as its address has it. */
  readonly asked: Query;
  readonly silent: readonly Silence[];
  readonly isRevealed: boolean;
}

/** What the change log has: each change of a captured table, and where a capture began, missed something or ended. */
export const changes = page({
  path: "/changes",
  right: "audit",
  section: "system",
  query,
  title: () => "Change log",
  async read({ query: asked, databases: { centralUrl, asking }, now }): Promise<ChangesModel> {
    const filter = filterOf(asked, now);
    const found = await readChanges(centralUrl, asking, filter);
    const model = modelOf(asked, found.answers.flat(), now);
    return {
      ...model,
      entries: model.entries.map(masked),
      silent: [...found.unreachable, ...found.failed],
    };
  },
  page: (model) => <ChangesPage {...model} />,
  command: ({ given }) => [
    ...["cdc", "log"],
    ...optionsOf(given, ["source", "table", "agent", "session", "from", "to", "limit", "before"]),
  ],
});

/** The same with contents, once. */
export const revealChanges = form({
  path: "/changes/reveal",
  right: "reveal",
  section: "system",
  query,
  form: revealFields,
  async act({ query: asked, form: { reason }, viewer, key, operator, databases: { asking }, now }) {
    const filter = filterOf(asked, now);
    const { limit: _, ...selection } = filter;
    const entries = await recorded(
      { viewer, reason, key, operator, selection: { changes: selection } },
      async () => {
        const found = await readChanges(operator.centralUrl, asking, filter);
        assertComplete(found);
        return found.answers.flat();
      },
    );
    const model = { ...modelOf(asked, entries, now), silent: [], isRevealed: true };
    return { status: 200, title: "Change log", body: <ChangesPage {...model} /> };
  },
});

/** One more than a page has is asked for, which tells whether there is another. */
function filterOf(
  { source, table, agent, session, from, to, limit, before }: Asked,
  now: Date,
): LogFilter {
  return {
    limit: limit + 1,
    ...(source === undefined ? {} : { source }),
    ...(table === undefined ? {} : { tables: table }),
    ...(agent === undefined ? {} : { agentId: agent }),
    ...(session === undefined ? {} : { sessionId: session }),
    ...(from === undefined ? {} : { from: momentAt(from, now) }),
    ...(to === undefined ? {} : { to: momentAt(to, now) }),
    ...(before === undefined ? {} : { before }),
  };
}

function modelOf(asked: Asked, found: readonly LogEntry[], now: Date): ChangesModel {
  const { limit, from, to, ...rest } = asked;
  const newest = found.toReversed();
  const entries = newest.slice(0, limit);
  return {
    entries,
    next: newest.length > limit ? entries.at(-1)?.cursor : undefined,
    // Times before now become moments, so that the next page is one of the same list.
    asked: {
      ...rest,
      limit,
      from: from === undefined ? undefined : momentAt(from, now),
      to: to === undefined ? undefined : momentAt(to, now),
    },
    silent: [],
    isRevealed: false,
  };
}

/** Marks are ours, and say why a capture was begun or ended; all else is rows of applications. */
function masked(entry: LogEntry): LogEntry {
  const { table } = entry;
  const mask = (row: string | null) => (row === null ? null : maskRow(table, row));
  return {
    ...entry,
    key: mask(entry.key),
    oldValues: mask(entry.oldValues),
    newValues: mask(entry.newValues),
  };
}

const tones: Readonly<Record<string, "warning" | "bad" | "info" | "quiet">> = {
  gap: "bad",
  begin: "info",
  end: "warning",
  delete: "warning",
  truncate: "warning",
};

function ChangesPage({ entries, next, asked, silent, isRevealed }: ChangesModel): VNode {
  const { before, ...filter } = asked;
  const [table] = [asked.table].flat();
  const shown = (name: string) => {
    const value = asked[name];
    return typeof value === "string" ? value : undefined;
  };
  return (
    <>
      <PartialSources unreachable={silent} />
      {isRevealed && (
        <Notice tone="info" title="Contents are revealed, and that is on record">
          <p>They are shown once: who loads the page again sees them masked.</p>
        </Notice>
      )}
      <FilterForm action="/changes">
        <TextField name="source" label="Source" value={shown("source")} />
        <TextField
          name="table"
          label="Table"
          hint="* for where captures began and missed something"
          value={typeof table === "string" ? table : undefined}
        />
        <TextField name="agent" label="Agent" value={shown("agent")} />
        <TextField name="session" label="Session" value={shown("session")} />
        <TextField name="from" label="From" hint="2h, or a time" value={shown("from")} />
        <TextField name="to" label="Before" hint="1h, or a time" value={shown("to")} />
      </FilterForm>
      <Table
        caption="Entries of the change log, newest first"
        rows={entries}
        keyOf={({ cursor }) => cursor}
        empty={
          silent.length > 0 ? (
            <p>The change log is in the central store, which did not answer.</p>
          ) : (
            <p>
              The change log has no such entry. Changes are in it from when a source's capture
              began; <a href="/capture">Capture</a> says whether one runs, and{" "}
              <a href="/changes?table=*">where captures began</a> or missed something is in the log
              itself.
            </p>
          )
        }
        toneOf={({ operation }) => (operation === "gap" ? "bad" : undefined)}
        columns={[
          { head: "Committed", cell: ({ committedAt }) => <Time at={committedAt} /> },
          { head: "Source", cell: ({ source }) => <Text>{source}</Text> },
          {
            head: "What",
            cell: ({ operation, table: name }) => (
              <>
                <StatusBadge tone={tones[operation] ?? "quiet"}>{operation}</StatusBadge>{" "}
                {name === "*" ? "of the capture" : <Text>{name}</Text>}
              </>
            ),
          },
          {
            head: "Row",
            cell: ({ key }) => (
              <code>
                <Text>{shorten(key ?? "–", 100)}</Text>
              </code>
            ),
          },
          {
            head: isRevealed ? "Values" : "Values, masked",
            cell: (entry) => <Values entry={entry} />,
          },
        ]}
      />
      <Pagination
        first={before === undefined ? undefined : hrefTo("/changes", {}, filter)}
        next={next === undefined ? undefined : hrefTo("/changes", {}, { ...filter, before: next })}
      />
      {!isRevealed && entries.length > 0 && (
        <RevealForm
          action={hrefTo("/changes/reveal", {}, asked)}
          what="the contents of these changes"
        />
      )}
    </>
  );
}

/** Longer values are cut; the command shows all of them. */
const mostText = 400;

function Values({ entry: { oldValues, newValues, unchanged } }: { readonly entry: LogEntry }) {
  const parts = [
    ...(oldValues === null ? [] : [["before", oldValues] as const]),
    ...(newValues === null ? [] : [["after", newValues] as const]),
  ];
  if (parts.length === 0) return <>–</>;
  return (
    <>
      {parts.map(([label, values]) => (
        <div key={label}>
          {oldValues !== null && <span class="quiet">{label} </span>}
          <code>
            <Text>{shorten(values, mostText)}</Text>
          </code>
        </div>
      ))}
      {unchanged.length > 0 && (
        <span class="quiet">
          unchanged: <Text>{shorten(unchanged.join(", "), 200)}</Text>
        </span>
      )}
    </>
  );
}
