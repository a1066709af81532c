import {
  type DeadLetterFilter,
  type DeadLetterGroup,
  type DeadLetterGroups,
  groupDeadLetters,
  mergeGroups,
  type SampleCheckResult,
} from "@centralcloud/dead-letters";
import { askFilteredDeadLetters } from "@centralcloud/inspect";
import { type Silence, shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import { Age, plural, StatusBadge, Text, type Tone } from "../../kit/figures.tsx";
import { FilterForm } from "../../kit/form.tsx";
import { Notice, PartialSources } from "../../kit/notices.tsx";
import { Empty } from "../../kit/table.tsx";
import type { Databases } from "../../reading/databases.ts";
import { wholeOr } from "../../routing/fields.ts";
import { hrefTo, optionsOf } from "../../routing/links.ts";
import { page } from "../../routing/route.ts";
import {
  askingOf,
  FilterFieldset,
  type FilterValues,
  filterFields,
  filterNames,
  filterOf,
  queryOf,
  saysMore,
} from "./filter.tsx";
import { newActionHref } from "./list.tsx";
import { Trend } from "./trend.tsx";

interface GroupsModel extends DeadLetterGroups {
  readonly values: FilterValues;
  readonly limit: number;
  readonly silent: readonly Silence[];
}

/** Dead letters by cause: how many, since when, from where, and what would become of them now. */
export const groups = page({
  path: "/dead-letters/groups",
  right: "look",
  section: "dead-letters",
  query: { ...filterFields, limit: wholeOr(1, 200, 20) },
  title: () => "Dead letters by cause",
  async read({ query, viewer, databases }): Promise<GroupsModel> {
    const { limit, ...values } = query;
    const filter = filterOf(values, viewer);
    return { ...(await readGroups(values, filter, limit, databases)), values, limit };
  },
  page: (model) => <GroupsPage {...model} />,
  command: ({ given }) => ["dlq", "groups", ...optionsOf(given, [...filterNames, "limit"])],
});

/** Groups of all sources that answer, the largest first. */
export async function readGroups(
  values: FilterValues,
  filter: DeadLetterFilter,
  limit: number,
  databases: Databases,
): Promise<DeadLetterGroups & { readonly silent: readonly Silence[] }> {
  const { sourceUrls, judge } = databases;
  const asked = await askFilteredDeadLetters(
    sourceUrls,
    askingOf(values, databases),
    filter,
    (scope) => groupDeadLetters(scope, filter, { limit, judge }),
  );
  const silent = [...asked.unreachable, ...asked.failed];
  return { ...mergeGroups(asked.answers, limit), silent };
}

function GroupsPage({ groups: found, others, isBound, values, limit, silent }: GroupsModel): VNode {
  const more = hrefTo("/dead-letters/groups", {}, { ...queryOf(values), limit: 200 });
  return (
    <>
      <PartialSources unreachable={silent} />
      <details open={saysMore(values)}>
        <summary>Filter</summary>
        <FilterForm action="/dead-letters/groups">
          <FilterFieldset values={values} />
        </FilterForm>
      </details>
      {found.length === 0 && (
        <Empty>
          {saysMore(values) ? (
            <p>
              No dead letter meets all of these conditions.{" "}
              <a href="/dead-letters/groups">Show all causes</a>
            </p>
          ) : (
            <p>There are no dead letters: nothing waits for you here.</p>
          )}
        </Empty>
      )}
      {found.map((group) => (
        <Group group={group} values={values} key={`${group.queue} ${group.fingerprint}`} />
      ))}
      {others > 0 && (
        <p>
          {plural(others, "dead letter")} {others === 1 ? "has" : "have"} other causes.{" "}
          {limit < 200 && <a href={more}>Show more causes</a>}
        </p>
      )}
      {isBound && (
        <Notice tone="warning" title="There are more causes than can be counted">
          <p>Narrow them by queue, source or time.</p>
        </Notice>
      )}
    </>
  );
}

function Group({
  group,
  values,
}: {
  readonly group: DeadLetterGroup;
  readonly values: FilterValues;
}) {
  const { fingerprint, queue, reason, error, code, oldestAt, newestAt, sources, hours, now } =
    group;
  const ofGroup = { ...values, fingerprint: [fingerprint], queue: [queue] };
  const href = groupHref(fingerprint, values);
  return (
    <article class="group" aria-labelledby={`group-${fingerprint}`}>
      <h2 id={`group-${fingerprint}`}>
        <a href={href}>
          {countText(group)} × <Text>{causeOf({ reason, error, code })}</Text>
        </a>
      </h2>
      <p class="quiet">
        {queue}, first <Age at={oldestAt} />, last <Age at={newestAt} />, from{" "}
        <Text>{sourcesText(sources)}</Text>
      </p>
      <Trend hours={hours} />
      {now !== null && <CheckResult checkResult={now} />}
      <div class="actions">
        <a class="button" href={hrefTo("/dead-letters", {}, queryOf(ofGroup))}>
          Look at them
        </a>
        <a class="button" href={newActionHref("replay", ofGroup)}>
          Replay…
        </a>
        <a class="button" href={newActionHref("discard", ofGroup)}>
          Discard…
        </a>
      </div>
    </article>
  );
}

export function groupHref(fingerprint: string, values: FilterValues = {} as FilterValues): string {
  const { fingerprint: _, queue: _queue, ...rest } = queryOf(values);
  return hrefTo("/dead-letters/groups/{fingerprint}", { fingerprint }, rest);
}

/** `invalid: agents[].confidence must be between 0 and 1`. */
export function causeOf({
  reason,
  error,
  code,
}: Pick<DeadLetterGroup, "reason" | "error" | "code">): string {
  return shorten(`${reason ?? "no reason"}: ${error ?? code ?? "no error"}`, 200);
}

export function countText({ count, isBound }: Pick<DeadLetterGroup, "count" | "isBound">): string {
  return `${count.toLocaleString("en-US")}${isBound ? " or more" : ""}`;
}

/** So many sources are told by name. */
const maxTold = 4;

function sourcesText(sources: DeadLetterGroup["sources"]): string {
  const told = sources
    .slice(0, maxTold)
    .map((one) => `${shorten(one.source, 40)} (${countText(one)})`)
    .join(", ");
  const left = sources.length - maxTold;
  return left > 0 ? `${told} and ${plural(left, "more source")}` : told;
}

/** What would become of a sample of a group now. */
export function CheckResult({ checkResult }: { readonly checkResult: SampleCheckResult }): VNode {
  const { sampled, accepted, refused, unknown } = checkResult;
  if (sampled === 0) {
    return (
      <p>
        <StatusBadge tone="quiet">not known</StatusBadge> None is short enough to be judged by a
        sample; open one to see whether it would be accepted now.
      </p>
    );
  }
  const [tone, word]: [Tone, string] =
    accepted === sampled
      ? ["good", "would be accepted"]
      : refused === sampled
        ? ["bad", "would be refused again"]
        : ["warning", "mixed"];
  return (
    <p>
      <StatusBadge tone={tone}>{word}</StatusBadge> Would be accepted now: {accepted} of {sampled}{" "}
      sampled
      {unknown > 0 &&
        `; of ${unknown} only who holds the keys of their seals can tell (centralcloud dlq show)`}
      .
    </p>
  );
}
