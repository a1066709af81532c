import { deadLetterReasons, queueNames } from "@centralcloud/contracts";
import type { DeadLetterFilter, TimeBound } from "@centralcloud/dead-letters";
import type { DeadLetterOptions } from "@centralcloud/inspect";
import { shorten } from "@centralcloud/service";
import type { VNode } from "preact";
import type { Viewer } from "../../auth/rights.ts";
import { SelectField, TextField } from "../../kit/form.tsx";
import { useRight } from "../../kit/page-info.ts";
import type { Databases } from "../../reading/databases.ts";
import {
  fingerprint,
  GivenError,
  id,
  maybe,
  queue,
  several,
  text,
  timeBound,
  type ValuesOf,
} from "../../routing/fields.ts";
import type { Query } from "../../routing/links.ts";

/** Which dead letters are meant, by the names of the command line's options. */
export const filterFields = {
  queue: several(queue),
  source: several(text(300)),
  "message-id": several(id),
  "dead-letter-reason": several(text(200)),
  code: several(text(200)),
  fingerprint: several(fingerprint),
  since: maybe(timeBound),
  until: maybe(timeBound),
  text: maybe(text()),
  path: maybe(text()),
};

/** Their names, for the command that shows the same. */
export const filterNames: readonly string[] = Object.keys(filterFields);

export type FilterValues = ValuesOf<typeof filterFields>;

/** @throws {GivenError} where somebody filters by contents who may not see them: a filter tells what it finds. */
export function filterOf(values: FilterValues, viewer: Viewer): DeadLetterFilter {
  const { since, until, text: words, path } = values;
  const hasContents = words !== undefined || path !== undefined;
  if (hasContents && !viewer.rights.has("reveal")) {
    throw new GivenError([
      "text, path: a filter by contents tells what they are, so it takes the right to reveal them",
    ]);
  }
  const optional = {
    messageIds: values["message-id"],
    reasons: values["dead-letter-reason"],
    codes: values.code,
    fingerprints: values.fingerprint,
    since,
    until,
    text: words,
    path,
  };
  const given = Object.entries(optional).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as DeadLetterFilter;
}

/** Which sources are asked for which queues, and how. */
export function askingOf({ queue: queues, source }: FilterValues, databases: Databases) {
  return {
    ...databases.asking,
    ...(queues === undefined ? {} : { queue: queues }),
    ...(source === undefined ? {} : { source }),
  } satisfies DeadLetterOptions;
}

/** The same as it stands in a URL; leaves out what is not given. */
export function queryOf(values: FilterValues): Query {
  const { since, until } = values;
  return { ...values, since: boundText(since), until: boundText(until) } as Query;
}

function boundText(bound: TimeBound | undefined): string | undefined {
  if (bound === undefined) return undefined;
  return "at" in bound ? bound.at : `${bound.secondsAgo}s`;
}

/** Whether a filter says more than where. */
export function saysMore(values: FilterValues): boolean {
  const { queue: _queue, source: _source, ...rest } = values;
  return Object.values(rest).some((value) => value !== undefined);
}

const labels: Readonly<Record<string, string>> = {
  queue: "queue",
  source: "source",
  "message-id": "message",
  "dead-letter-reason": "reason",
  code: "code",
  fingerprint: "group",
  since: "since",
  until: "until",
  text: "contains",
  path: "meets",
};

/** A filter in words, one for each value: `queue agent-sessions`. */
export function filterWords(values: FilterValues): readonly string[] {
  return Object.entries(queryOf(values)).flatMap(([name, given]) =>
    [given ?? []].flat().map((value) => `${labels[name] ?? name} ${shorten(String(value), 100)}`),
  );
}

/** The fields of a form that filters. Of a field that has several values, the others stand beneath, each ticked. */
export function FilterFieldset({ values }: { readonly values: FilterValues }): VNode {
  const maySeeContents = useRight("reveal");
  const query = queryOf(values);
  const first = (name: string) => [query[name] ?? []].flat().map(String)[0];
  const reasons = [...deadLetterReasons];
  const otherReason = first("dead-letter-reason");
  if (otherReason !== undefined && !reasons.some((one) => one === otherReason)) {
    reasons.push(otherReason as (typeof reasons)[number]);
  }
  return (
    <>
      <SelectField
        name="queue"
        label="Queue"
        value={first("queue")}
        anyLabel="every queue"
        choices={queueNames.map((name) => ({ value: name, label: name }))}
      />
      <TextField name="source" label="Source" value={first("source")} placeholder="name or id" />
      <SelectField
        name="dead-letter-reason"
        label="Reason"
        value={otherReason}
        anyLabel="every reason"
        choices={reasons.map((name) => ({ value: name, label: name }))}
      />
      <TextField name="code" label="Code" value={first("code")} placeholder="out_of_range" />
      <TextField name="fingerprint" label="Group" value={first("fingerprint")} />
      <TextField
        name="message-id"
        label="Message id"
        value={first("message-id")}
        placeholder="msgId of the log"
      />
      <TextField
        name="since"
        label="Since"
        value={first("since")}
        placeholder="2h, or 2026-01-31T12:00Z"
      />
      <TextField name="until" label="Until" value={first("until")} placeholder="30m" />
      {maySeeContents && (
        <>
          <TextField name="text" label="Message contains" value={first("text")} />
          <TextField
            name="path"
            label="Message meets (jsonpath)"
            value={first("path")}
            placeholder="$.confidence > 1"
          />
        </>
      )}
      <Others query={query} />
    </>
  );
}

function Others({ query }: { readonly query: Query }) {
  const others = Object.entries(query).flatMap(([name, given]) =>
    [given ?? []]
      .flat()
      .slice(1)
      .map((value) => ({ name, value: String(value) })),
  );
  if (others.length === 0) return null;
  return (
    <fieldset class="also">
      <legend>and also</legend>
      {others.map(({ name, value }) => (
        <label class="check" key={`${name} ${value}`}>
          <input type="checkbox" name={name} value={value} checked /> {labels[name]}{" "}
          {shorten(value, 60)}
        </label>
      ))}
    </fieldset>
  );
}

/** What is given, in hidden fields. */
export function HiddenFields({ query }: { readonly query: Query }): VNode {
  const pairs = Object.entries(query).flatMap(([name, given]) =>
    [given ?? []].flat().map((value) => ({ name, value: value === true ? "yes" : String(value) })),
  );
  return (
    <>
      {pairs.map(({ name, value }) => (
        <input type="hidden" name={name} value={value} key={`${name} ${value}`} />
      ))}
    </>
  );
}
