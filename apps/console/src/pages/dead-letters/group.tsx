import type { ActionSummary } from "@centralcloud/central";
import {
  type DeadLetterGroup,
  type DeadLetterSummary,
  maskSummary,
  parseFingerprint,
} from "@centralcloud/dead-letters";
import { readActions, readDeadLetters } from "@centralcloud/inspect";
import { type Silence, shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import { Age, Count, plural, Stat, Stats, Text } from "../../kit/figures.tsx";
import { Notice, PartialSources } from "../../kit/notices.tsx";
import { useRight } from "../../kit/page-info.ts";
import { Table } from "../../kit/table.tsx";
import { maybe, several, text, timeBound } from "../../routing/fields.ts";
import { hrefTo, optionsOf } from "../../routing/links.ts";
import { NotFoundError, page } from "../../routing/route.ts";
import { ActionTable } from "../actions/table.tsx";
import { askingOf, type FilterValues, filterOf, queryOf } from "./filter.tsx";
import { CheckResult, causeOf, countText, readGroups } from "./groups.tsx";
import { deadLetterColumns, newActionHref } from "./list.tsx";
import { Trend, TrendTable } from "./trend.tsx";

interface GroupModel {
  readonly fingerprint: string;
  readonly values: FilterValues;
  /** Undefined where none of its dead letters is left, as far as the sources say that answer. */
  readonly group: DeadLetterGroup | undefined;
  /** The newest, masked. */
  readonly newest: readonly DeadLetterSummary[];
  /** What was done before to dead letters of this group. */
  readonly actions: readonly ActionSummary[];
  readonly silent: readonly Silence[];
}

const shownRows = 10;

/** Actions that are searched for those of a group. */
const recentActions = 200;

/** One cause: its dead letters since when and from where, what would become of them, and what was done before. */
export const group = page({
  path: "/dead-letters/groups/{fingerprint}",
  right: "look",
  section: "dead-letters",
  query: { source: several(text(300)), since: maybe(timeBound), until: maybe(timeBound) },
  title: ({ group: found, fingerprint }: GroupModel) =>
    found === undefined ? `Group ${fingerprint}` : causeOf(found),
  async read({ params, query, viewer, databases }): Promise<GroupModel> {
    const fingerprint = fingerprintOf(params.fingerprint ?? "");
    const values = { ...query, fingerprint: [fingerprint] } as FilterValues;
    const filter = filterOf(values, viewer);
    const { sourceUrls, centralUrl, asking } = databases;
    const [found, listed, actions] = await Promise.all([
      readGroups(values, filter, 1, databases),
      readDeadLetters(sourceUrls, askingOf(values, databases), filter, { limit: shownRows }),
      viewer.rights.has("audit")
        ? readActions(centralUrl, asking, { limit: recentActions })
        : undefined,
    ]);
    const silentCentral = [...(actions?.unreachable ?? []), ...(actions?.failed ?? [])];
    return {
      fingerprint,
      values,
      group: found.groups[0],
      newest: (listed.answers[0]?.deadLetters ?? []).map(maskSummary),
      actions: (actions?.answers.flat() ?? []).filter((one) => isOf(one, fingerprint)),
      silent: [...found.silent, ...silentCentral],
    };
  },
  page: (model) => <GroupPage {...model} />,
  command: ({ given, params: { fingerprint = "" } }) => [
    ...["dlq", "groups", "--fingerprint", fingerprint],
    ...optionsOf(given, ["source", "since", "until"]),
  ],
});

function fingerprintOf(given: string): string {
  try {
    return parseFingerprint(given);
  } catch {
    throw new NotFoundError(
      `There is no group ${given}; the list of causes has the fingerprints that there are.`,
    );
  }
}

function isOf({ selection }: ActionSummary, fingerprint: string): boolean {
  const { fingerprints } = selection;
  return Array.isArray(fingerprints) && fingerprints.includes(fingerprint);
}

function GroupPage({ group: found, values, newest, actions, silent }: GroupModel): VNode {
  const mayAudit = useRight("audit");
  return (
    <>
      <PartialSources unreachable={silent} />
      {found === undefined ? (
        <Notice tone="info" title="No dead letter of this group is left">
          <p>
            They were replayed or discarded, or never were at these sources and times.{" "}
            <a href="/dead-letters/groups">Other causes</a>
          </p>
        </Notice>
      ) : (
        <Found group={found} values={values} />
      )}
      <h2>The newest</h2>
      <Table
        caption="The newest dead letters of this group, with their contents masked"
        rows={newest}
        keyOf={({ sourceId, queue, id }) => `${sourceId} ${queue} ${id}`}
        columns={deadLetterColumns}
        empty={<p>There are none.</p>}
      />
      {newest.length === shownRows && (
        <p>
          <a href={hrefTo("/dead-letters", {}, queryOf(values))}>All of them</a>
        </p>
      )}
      {mayAudit && (
        <>
          <h2>What was done before</h2>
          <ActionTable
            actions={actions}
            empty={<p>None of the last {recentActions} actions was for this group alone.</p>}
          />
        </>
      )}
    </>
  );
}

function Found({
  group: found,
  values,
}: {
  readonly group: DeadLetterGroup;
  readonly values: FilterValues;
}) {
  const { queue, oldestAt, newestAt, hours, now, sources, issues } = found;
  const ofQueue = { ...values, queue: [queue] };
  return (
    <>
      <Stats>
        <Stat label="Dead letters" tone="bad">
          {countText(found)}
        </Stat>
        <Stat label="First">
          <Age at={oldestAt} />
        </Stat>
        <Stat label="Last">
          <Age at={newestAt} />
        </Stat>
        <Stat label="Sources">
          <Count value={sources.length} />
        </Stat>
      </Stats>
      {now !== null && <CheckResult checkResult={now} />}
      <div class="actions">
        <a
          class={now?.refused ? "button" : "button primary"}
          href={newActionHref("replay", ofQueue)}
        >
          Replay them…
        </a>
        <a class="button" href={newActionHref("discard", ofQueue)}>
          Discard them…
        </a>
      </div>
      <Trend hours={hours} />
      <TrendTable hours={hours} />
      {issues.length > 0 && (
        <>
          <h2>What the contract of {queue} finds</h2>
          <ul>
            {issues.map(({ path, code }) => (
              <li key={`${path} ${code}`}>
                <code>{shorten(path || "the message", 100)}</code> <Text>{code}</Text>
              </li>
            ))}
          </ul>
        </>
      )}
      <h2>Where they are from</h2>
      <Table
        caption={`Dead letters of this group, by ${plural(sources.length, "source")}`}
        rows={sources}
        keyOf={({ sourceId }) => sourceId}
        empty={<p>No source has any.</p>}
        columns={[
          {
            head: "Source",
            cell: ({ source }) => (
              <a href={hrefTo("/dead-letters", {}, { ...queryOf(values), source: [source] })}>
                <Text>{shorten(source, 60)}</Text>
              </a>
            ),
          },
          {
            head: "Dead letters",
            isNumber: true,
            cell: ({ count, isBound }) => <Count value={count} isBound={isBound} />,
          },
        ]}
      />
    </>
  );
}
